// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// cutter is a bad network: it passes connections on and cuts each after so many bytes, in either direction.
type cutter struct {
	t        *testing.T
	url      string
	target   string
	between  func() // runs after each cut, before anybody can connect again
	listener net.Listener
	done     sync.WaitGroup
	closed   sync.Mutex // held while nobody can connect

	mu      sync.Mutex // guards what follows
	budgets []int64    // of the next connections; then none is cut
	cuts    int
}

// cut starts one until the test ends.
func cut(t *testing.T, base string, between func()) *cutter {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{t: t, url: "http://" + listener.Addr().String(), target: strings.TrimPrefix(base, "http://"), between: between, listener: listener}
	c.done.Go(c.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		c.done.Wait()
	})
	return c
}

// after sets the bytes after which the next connections are cut.
func (c *cutter) after(budgets ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budgets = budgets
}

func (c *cutter) next() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.budgets) == 0 {
		return 1 << 40
	}
	budget := c.budgets[0]
	c.budgets = c.budgets[1:]
	return budget
}

func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// accept passes connections on, but none while something happens between.
func (c *cutter) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.closed.Lock()
		far, err := new(net.Dialer).DialContext(context.WithoutCancel(c.t.Context()), "tcp", c.target)
		c.closed.Unlock()
		if err != nil {
			_ = near.Close()
			continue
		}
		c.pass(near.(*net.TCPConn), far.(*net.TCPConn))
	}
}

// errSpent says that a connection has carried what it may.
var errSpent = errors.New("the connection is cut")

// pass carries bytes until one side ends or the budget is spent.
func (c *cutter) pass(near, far *net.TCPConn) {
	left := &budget{left: c.next()}
	var once sync.Once
	end := func(cut bool) {
		if cut {
			c.closed.Lock()
			defer c.closed.Unlock()
		}
		for _, conn := range []*net.TCPConn{near, far} {
			_ = conn.SetLinger(0) // without a good-bye
			_ = conn.Close()
		}
		if cut {
			c.between()
			c.mu.Lock()
			c.cuts++
			c.mu.Unlock()
		}
	}
	for to, from := range map[*net.TCPConn]*net.TCPConn{near: far, far: near} {
		c.done.Go(func() {
			_, err := io.Copy(&metered{to, left}, from)
			once.Do(func() { end(errors.Is(err, errSpent)) })
		})
	}
}

type budget struct {
	mu   sync.Mutex // guards left
	left int64
}

// metered writes as long as there is something left.
type metered struct {
	w io.Writer
	b *budget
}

func (m *metered) Write(p []byte) (int, error) {
	m.b.mu.Lock()
	n := min(int64(len(p)), m.b.left)
	m.b.left -= n
	m.b.mu.Unlock()
	written, err := m.w.Write(p[:n])
	if err == nil && n < int64(len(p)) {
		err = errSpent
	}
	return written, err
}

// own is a client of a person at an address; it does not run.
func own(t *testing.T, base string, p *people.Person) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{BaseURLs: []string{base}, Token: p.Token, Device: p.Device, Random: func() float64 { return 0.1 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// What a program sends by the Go client arrives over a network that cuts, while the server restarts; another program
// goes on where it ended, and its friend fetches it the same way.
func TestF19_TheGoClientCarriesFilesOverCutsAndRestarts(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	conversation := people.Befriend(t, ann, bob)
	network := cut(t, sys.Public(0), func() { sys.RestartFiles(t) })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	content := noise(4, 12<<20)

	network.after(2<<20, 1<<20)
	key, first := people.NewID(), own(t, network.url, ann)
	interrupted, stop := context.WithCancel(ctx)
	_, err := first.Upload(interrupted, client.Upload{
		Name: "影片.bin", Content: bytes.NewReader(content), Key: key, Progress: func(sent int64) {
			if network.count() == 2 && sent > 11<<20 {
				stop() // the program ends
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the first program: %v", err)
	}
	first.Close()

	least := int64(len(content))
	file, err := own(t, network.url, ann).Upload(ctx, client.Upload{
		Name: "影片.bin", Content: bytes.NewReader(content), Key: key, Progress: func(sent int64) { least = min(least, sent) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if least < 5<<20 || network.count() != 2 {
		t.Errorf("the second program begins with %d bytes sent, after %d cuts", least, network.count())
	}
	ann.Do(t, send, &messagev1.SendRequest{ConversationId: conversation, ClientMessageId: people.NewID(), Content: client.File(file.GetFileId())}, &messagev1.SendResponse{})

	network.after(1<<20, 3<<20)
	path := filepath.Join(t.TempDir(), "copy.bin")
	reader := own(t, network.url, bob)
	got, err := reader.DownloadFile(ctx, file.GetFileId(), path)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetName() != "影片.bin" || network.count() != 4 {
		t.Errorf("%s came after %d cuts", got.GetName(), network.count())
	}
	var again bytes.Buffer
	if _, err := reader.Download(ctx, file.GetFileId(), &again); err != nil || !bytes.Equal(again.Bytes(), content) {
		t.Errorf("once more: %d bytes, %v", again.Len(), err)
	}
	_, err = reader.Download(ctx, people.NewID(), io.Discard)
	if refused, ok := errors.AsType[*client.FileError](err); !ok || refused.Reason != "NOT_FOUND" {
		t.Errorf("a file that is not there: %v", err)
	}
	_, err = reader.Upload(ctx, client.Upload{Purpose: filev1.Purpose_PURPOSE_IMAGE, Name: "a.png", Content: strings.NewReader("no picture")})
	if refused, ok := errors.AsType[*client.FileError](err); !ok || refused.Reason != "CONTENT_TYPE_MISMATCH" {
		t.Errorf("what is no picture: %v", err)
	}
}
