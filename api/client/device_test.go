// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/api/client"
)

// device is a client before the fake server, in a bubble with its own time.
type device struct {
	*client.Client

	t     *testing.T
	f     *fake
	store *client.MemoryStore
	stop  func() error // ends Run and answers what it returned

	mu     sync.Mutex // guards what follows
	events []client.Event
}

// bubble runs a test whose time passes only while everything waits.
func bubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newFake()) })
}

// serve starts the fake server until the bubble ends.
func serve(t *testing.T, f *fake) *pipes {
	t.Helper()
	listener := newPipes()
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		close(f.files.over)
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("server: %v", err)
		}
		f.mu.Lock()
		peers := slices.Clone(f.peers)
		f.mu.Unlock()
		for _, p := range peers {
			_ = p.conn.NetConn().Close()
			<-p.closed
		}
		<-time.After(time.Second) // a server leaves a connection in the middle of a body only after a while
	})
	return listener
}

// join starts a device. Dice always fall in the middle.
func join(t *testing.T, f *fake, change ...func(*client.Config)) *device {
	t.Helper()
	return joinAt(t, f, serve(t, f), client.NewMemoryStore(), change...)
}

func joinAt(
	t *testing.T, f *fake, listener *pipes, store *client.MemoryStore, change ...func(*client.Config),
) *device {
	t.Helper()
	d := &device{t: t, f: f, store: store}
	cfg := client.Config{
		BaseURLs: []string{"http://chat.example"}, Token: "token", Device: uuid.NewString(), Store: store,
		Events: d.hear, Dial: listener.dial, Random: func() float64 { return 0.5 },
	}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Client = c
	d.start()
	return d
}

// start calls Run.
func (d *device) start() {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		d.Close()
		return err
	})
	d.t.Cleanup(func() { _ = d.stop() })
	synctest.Wait()
}

// ended waits for Run to give up by itself.
func (d *device) ended() error { return d.stop() }

func (d *device) hear(e client.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// heard lists the events of a type.
func heard[E any](d *device) []E {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []E
	for _, e := range d.events {
		if typed, ok := e.(E); ok {
			out = append(out, typed)
		}
	}
	return out
}

// received lists the positions of a conversation in the order in which they were told.
func (d *device) received(id string) []int64 {
	var out []int64
	for _, e := range heard[client.MessagesReceived](d) {
		if e.ConversationID == id {
			for _, m := range e.Items {
				out = append(out, m.GetSeq())
			}
		}
	}
	return out
}

// states lists the states since the n-th.
func (d *device) states() []client.State {
	var out []client.State
	for _, e := range heard[client.StateChanged](d) {
		out = append(out, e.State)
	}
	return out
}

// upTo is 1, 2, 3 … n.
func upTo(n int64) []int64 { return span(1, n) }

func span(from, to int64) []int64 {
	var out []int64
	for seq := from; seq <= to; seq++ {
		out = append(out, seq)
	}
	return out
}

// pass lets the time of the bubble pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func check(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (d *device) inState(want client.State) {
	d.t.Helper()
	if got := d.State(); got != want {
		d.t.Errorf("state %s, want %s", got, want)
	}
}
