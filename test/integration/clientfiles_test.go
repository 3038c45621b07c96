// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// cutter is a bad network: it passes connections on, and after so many bytes it cuts the one that carries them.
type cutter struct {
	t        *testing.T
	url      string
	target   string
	between  func() // runs after each cut, before anybody can connect again
	listener net.Listener
	done     sync.WaitGroup
	closed   sync.Mutex // held while nobody can connect

	mu      sync.Mutex // guards what follows
	budgets []int64    // bytes up to the next cuts; then there are none
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

// after sets how many bytes pass before the next cuts.
func (c *cutter) after(budgets ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budgets = budgets
}

// allow tells how many of n bytes pass; fewer than all means a cut.
func (c *cutter) allow(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.budgets) == 0 {
		return n
	}
	allowed := int(min(int64(n), c.budgets[0]))
	c.budgets[0] -= int64(allowed)
	if allowed < n {
		c.budgets = c.budgets[1:]
	}
	return allowed
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

// errCut says that a connection has carried what it may.
var errCut = errors.New("the connection is cut")

// pass carries bytes until one side ends or there is a cut.
func (c *cutter) pass(near, far *net.TCPConn) {
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
			_, err := io.Copy(&metered{to, c}, from)
			once.Do(func() { end(errors.Is(err, errCut)) })
		})
	}
}

// metered writes what may pass.
type metered struct {
	w io.Writer
	c *cutter
}

func (m *metered) Write(p []byte) (int, error) {
	n := m.c.allow(len(p))
	written, err := m.w.Write(p[:n])
	if err == nil && n < len(p) {
		err = errCut
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
	sea, err := reader.Upload(ctx, client.Upload{Purpose: filev1.Purpose_PURPOSE_IMAGE, Name: "sea.png", Content: bytes.NewReader(aPicture(t, 900, 600))})
	if err != nil {
		t.Fatal(err)
	}
	small, err := reader.Thumbnail(ctx, sea.GetFileId(), 100)
	if err != nil {
		t.Fatal(err)
	}
	if size, form, err := image.DecodeConfig(bytes.NewReader(small)); err != nil || size.Width != 320 || size.Height != 213 {
		t.Errorf("the smaller picture is a %s of %d x %d, %v", form, size.Width, size.Height, err)
	}
}

// Where programs reach the object store, bytes go there and come from there, and none pass Parley. Who does not
// reach it has the same files.
func TestF19_TheGoClientGoesPastParleyWhereItCan(t *testing.T) {
	t.Parallel()
	_, settings := startObjectStore(t)
	store := strings.TrimPrefix(settings[component.EnvS3Endpoint], "http://")
	settings[component.EnvS3PublicEndpoint] = settings[component.EnvS3Endpoint]
	base := devtest.Start(t, devtest.Options{Files: settings}).Public(0)
	ann := people.Register(t, base, "ann")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	parley := cut(t, base, func() {})
	parley.after(1<<20, 1<<20, 1<<20)
	near := own(t, parley.url, ann)
	far, err := client.New(client.Config{
		BaseURLs: []string{base}, Token: ann.Token, Device: ann.Device,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == store {
				return nil, errors.New("there is no way to the store")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)
	for seed, by := range map[byte]*client.Client{5: near, 6: far} {
		content := noise(seed, 7<<20)
		file, err := by.Upload(ctx, client.Upload{Name: "a.bin", Content: bytes.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
		for name, reader := range map[string]*client.Client{"near": near, "far": far} {
			var got bytes.Buffer
			if _, err := reader.Download(ctx, file.GetFileId(), &got); err != nil || !bytes.Equal(got.Bytes(), content) {
				t.Errorf("%s reads %d bytes, %v", name, got.Len(), err)
			}
		}
	}
	if parley.count() > 0 {
		t.Error("bytes passed Parley though the store could be reached")
	}
}
