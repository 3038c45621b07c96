// SPDX-License-Identifier: Apache-2.0

package s3blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/secret"
)

// bounded is how long a test waits for what must end by itself.
const bounded = 30 * time.Second

// oneObject is a store that gives out one content and takes everything. The hooks, where set, do the moving of bytes.
type oneObject struct {
	content []byte
	give    func(w io.Writer, part []byte, r *http.Request)
	take    func(r *http.Request) ([]byte, error)

	mu    sync.Mutex // guards taken
	taken []byte
}

func (o *oneObject) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPut:
		read := func(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }
		if o.take != nil {
			read = o.take
		}
		content, err := read(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		o.mu.Lock()
		o.taken = content
		o.mu.Unlock()
		w.Header().Set("Etag", `"tag"`)
	case r.URL.Query().Has("list-type"):
		_, _ = io.WriteString(w, `<?xml version="1.0"?><ListBucketResult></ListBucketResult>`)
	case r.Method == http.MethodGet:
		from := 0
		if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
			first, _, _ := strings.Cut(text, "-")
			from, _ = strconv.Atoi(first)
		}
		part := o.content[from:]
		w.Header().Set("Etag", `"tag"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(part)))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		if o.give != nil {
			o.give(w, part, r)
			return
		}
		_, _ = w.Write(part)
	}
}

func of(t *testing.T, h http.Handler) s3blob.Config {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return s3blob.Config{Endpoint: server.URL, Bucket: "b", PathStyle: true, AccessKeyID: "id", SecretAccessKey: secret.New("key")}
}

// deaf is a server that takes connections, counts them, and neither reads nor answers.
func deaf(t *testing.T) (c s3blob.Config, connections *atomic.Int32) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connections = &atomic.Int32{}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			t.Cleanup(func() { _ = connection.Close() })
		}
	}()
	return s3blob.Config{
		Endpoint: "http://" + listener.Addr().String(), Bucket: "b", PathStyle: true, AccessKeyID: "id", SecretAccessKey: secret.New("key"),
		Silence: 200 * time.Millisecond,
	}, connections
}

// A store that answers nothing fails a call after two silences; after that nobody waits for it, and few ask.
func TestASilentStoreIsLeftAlone(t *testing.T) {
	t.Parallel()
	content := blobtest.Content(1, blob.StepBytes)
	for name, call := range map[string]func(ctx context.Context, s *s3blob.Store) error{
		"open": func(ctx context.Context, s *s3blob.Store) error {
			_, err := s.Open(ctx, blob.NewKey(), 0, -1)
			return err
		},
		"stat": func(ctx context.Context, s *s3blob.Store) error {
			_, err := s.Stat(ctx, blob.NewKey())
			return err
		},
		"append": func(ctx context.Context, s *s3blob.Store) error {
			_, err := s.Append(ctx, blob.Upload{Key: blob.NewKey(), Size: blob.StepBytes}, bytes.NewReader(content))
			return err
		},
		"delete": func(ctx context.Context, s *s3blob.Store) error { return s.Delete(ctx, blob.NewKey()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, connections := deaf(t)
			s := s3test.Open(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), bounded)
			defer cancel()
			if err := call(ctx, s); !errors.Is(err, blob.ErrUnavailable) || ctx.Err() != nil {
				t.Fatalf("the first call: %v", err)
			}
			if got := connections.Load(); got > 3 {
				t.Errorf("it asked %d times", got)
			}
			before := connections.Load()
			var others sync.WaitGroup
			for range 50 {
				others.Go(func() {
					// A body of which nothing comes: whoever would read it would wait for ever.
					body, _ := io.Pipe()
					if _, err := s.Append(ctx, blob.Upload{Key: blob.NewKey(), Size: 5}, body); !errors.Is(err, blob.ErrUnavailable) {
						t.Errorf("while it is silent: %v", err)
					}
				})
			}
			others.Wait()
			if got := connections.Load() - before; ctx.Err() != nil || got > 5 {
				t.Errorf("fifty more asked %d times, %v", got, ctx.Err())
			}
		})
	}
}

// A store that stops taking bytes in the middle of a part ends it; the next one to ask hears it at once.
func TestAnUploadIntoABlackHoleEnds(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	c := of(t, &oneObject{take: func(r *http.Request) ([]byte, error) {
		_, _ = io.CopyN(io.Discard, r.Body, 100_000)
		<-over
		return nil, io.ErrUnexpectedEOF
	}})
	t.Cleanup(func() { close(over) })
	c.Silence = 200 * time.Millisecond
	s := s3test.Open(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), bounded)
	defer cancel()
	u := blob.Upload{Key: blob.NewKey(), Size: blob.StepBytes}
	after, err := s.Append(ctx, u, bytes.NewReader(blobtest.Content(1, blob.StepBytes)))
	if !errors.Is(err, blob.ErrUnavailable) || after != u || ctx.Err() != nil {
		t.Errorf("%+v, %v", after, err)
	}
}

// A download goes on elsewhere where a store stops giving, and ends if it never gives more.
func TestADownloadOutOfABlackHole(t *testing.T) {
	t.Parallel()
	content := blobtest.Content(1, 1_000_000)
	for name, row := range map[string]struct {
		always bool
		want   error
	}{"once": {false, nil}, "always": {true, blob.ErrUnavailable}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			c := of(t, &oneObject{content: content, give: func(w io.Writer, part []byte, r *http.Request) {
				if asked.Add(1) > 1 && !row.always {
					_, _ = w.Write(part)
					return
				}
				if len(part) == len(content) {
					_, _ = w.Write(part[:300_000])
					_ = http.NewResponseController(w.(http.ResponseWriter)).Flush()
				}
				<-r.Context().Done()
			}})
			c.Silence = time.Second
			s := s3test.Open(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), bounded)
			defer cancel()
			r, err := s.Open(ctx, blob.NewKey(), 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if !errors.Is(err, row.want) || ctx.Err() != nil || row.want == nil && !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if asked.Load() > 4 {
				t.Errorf("it was asked %d times", asked.Load())
			}
		})
	}
}

// A store that is slow and moves is waited for, beyond the time of a call.
func TestASlowStoreGoesOn(t *testing.T) {
	t.Parallel()
	const pieces = 20
	content := blobtest.Content(1, blob.StepBytes)
	slowly := func(r *http.Request, step func(from, to int) error) error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := range pieces {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return r.Context().Err()
			}
			if err := step(i*len(content)/pieces, (i+1)*len(content)/pieces); err != nil {
				return err
			}
		}
		return nil
	}
	store := &oneObject{content: content}
	store.take = func(r *http.Request) ([]byte, error) {
		taken := make([]byte, r.ContentLength)
		return taken, slowly(r, func(from, to int) error {
			_, err := io.ReadFull(r.Body, taken[from:min(to, len(taken))])
			return err
		})
	}
	store.give = func(w io.Writer, part []byte, r *http.Request) {
		_ = slowly(r, func(from, to int) error {
			_, err := w.Write(part[from:to])
			return err
		})
	}
	c := of(t, store)
	c.Timeout = time.Second // half of what it takes
	s := s3test.Open(t, c)
	u, err := s.Append(t.Context(), blob.Upload{Key: blob.NewKey(), Size: blob.StepBytes}, bytes.NewReader(content))
	if err != nil || u.Offset != blob.StepBytes {
		t.Fatalf("%+v, %v", u, err)
	}
	store.mu.Lock()
	taken := sha256.Sum256(store.taken)
	store.mu.Unlock()
	if taken != sha256.Sum256(content) {
		t.Error("it took other bytes")
	}
	if got := readAll(t, s, u.Key); !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back", len(got))
	}
}

// Whoever reads slowly is not taken for a silent store.
func TestASlowReaderIsNoSilence(t *testing.T) {
	t.Parallel()
	content := blobtest.Content(1, 8<<20)
	var asked atomic.Int32
	c := of(t, &oneObject{content: content, give: func(w io.Writer, part []byte, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(part)
	}})
	c.Silence = time.Second
	r, err := s3test.Open(t, c).Open(t.Context(), blob.NewKey(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got bytes.Buffer
	for range 2 {
		pause := time.NewTimer(c.Silence + c.Silence/5)
		<-pause.C
		if _, err := io.CopyN(&got, r, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(&got, r); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Error(fmt.Errorf("%d bytes: %w", got.Len(), err))
	}
	if asked.Load() != 1 {
		t.Errorf("it was asked %d times", asked.Load())
	}
}
