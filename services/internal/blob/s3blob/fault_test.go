// SPDX-License-Identifier: Apache-2.0

package s3blob_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/certificate/certificatetest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/test/integration/servers"
)

// fault does something to a request instead of, or before, the server; it tells whether it has answered.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler) (answered bool)

// proxy stands before a server.
type proxy struct {
	mu    sync.Mutex
	fault fault
	left  int // how often it still strikes; negative is always
}

func (p *proxy) strike(times int, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.left = f, times
}

func (p *proxy) take() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil || p.left == 0 {
		return nil
	}
	p.left--
	return p.fault
}

// behind puts a proxy before a server.
func behind(t *testing.T, c s3blob.Config) (*proxy, s3blob.Config) {
	t.Helper()
	to, err := url.Parse(c.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     nil,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.take(); f != nil && f(w, r, forward) {
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.Endpoint = server.URL
	return p, c
}

// says answers an error of S3.
func says(status int, code string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<?xml version=\"1.0\"?><Error><Code>"+code+"</Code><Message>m</Message></Error>")
		return true
	}
}

// hangsUp reads some of the request and ends the connection.
func hangsUp(after int64) fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		_, _ = io.CopyN(io.Discard, r.Body, after)
		panic(http.ErrAbortHandler)
	}
}

// flips a bit of what is written.
func flips(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	content, _ := io.ReadAll(r.Body)
	if len(content) > 0 {
		content[len(content)/2] ^= 1
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	return false
}

// breaksOff gives some bytes of an answer and ends the connection.
func breaksOff(after int) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:min(after, answer.Body.Len())])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

func TestBadLuckIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{
		"slow down": says(http.StatusServiceUnavailable, "SlowDown"), "internal error": says(http.StatusInternalServerError, "InternalError"),
		"too many": says(http.StatusTooManyRequests, "TooManyRequests"), "a request that breaks off": hangsUp(1000), "a flipped bit": flips,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := behind(t, s3test.MakeBucket(t, s3test.Config(t)))
			s := s3test.Open(t, c)
			for i, size := range []int{5000, blob.StepBytes + 5000} {
				content, key := blobtest.Content(uint64(i), size), blob.NewKey()
				p.strike(2, f)
				if _, err := blob.Put(t.Context(), s, key, content); err != nil {
					t.Fatal(err)
				}
				if name != "a flipped bit" {
					p.strike(2, f)
				}
				if got := readAll(t, s, key); !bytes.Equal(got, content) {
					t.Errorf("%d bytes came back, of %d", len(got), size)
				}
			}
		})
	}
}

func readAll(t *testing.T, s blob.Store, key string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestAReadThatBreaksOffGoesOn(t *testing.T) {
	t.Parallel()
	p, c := behind(t, s3test.MakeBucket(t, s3test.Config(t)))
	s := s3test.Open(t, c)
	content, key := blobtest.Content(1, 500_000), blob.NewKey()
	if _, err := blob.Put(t.Context(), s, key, content); err != nil {
		t.Fatal(err)
	}
	p.strike(3, breaksOff(100_000))
	if got := readAll(t, s, key); !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, of %d", len(got), len(content))
	}
	p.strike(-1, breaksOff(0))
	r, err := s.Open(t.Context(), key, 1000, 2000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("%d bytes of an answer that always breaks off: %v", len(got), err)
	}
	// What lies there in the meantime must not become a part of it.
	p.strike(1, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		defer func() {
			if _, err := blob.Put(t.Context(), s3test.Open(t, c), key, blobtest.Content(2, 500_000)); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		}()
		defer func() { _ = recover() }()
		return breaksOff(100_000)(w, r, next)
	})
	if r, err = s.Open(t.Context(), key, 0, -1); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("%d bytes of two objects: %v", len(got), err)
	}
}

func TestWhatAStoreSaysIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		f    fault
		want error
	}{
		{"slow down for ever", says(http.StatusServiceUnavailable, "SlowDown"), blob.ErrUnavailable},
		{"hangs up for ever", hangsUp(0), blob.ErrUnavailable},
		{"silence", silent, blob.ErrUnavailable},
		{"clock", says(http.StatusForbidden, "RequestTimeTooSkewed"), blob.ErrClock},
		{"denied", says(http.StatusForbidden, "AccessDenied"), blob.ErrForbidden},
		{"expired", says(http.StatusBadRequest, "ExpiredToken"), blob.ErrForbidden},
		{"no bucket", says(http.StatusNotFound, "NoSuchBucket"), blob.ErrUnfit},
		{"no store", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			http.Error(w, "<html>", http.StatusNotFound)
			return true
		}, blob.ErrUnfit},
		{"elsewhere", says(http.StatusMovedPermanently, "PermanentRedirect"), blob.ErrUnfit},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, c := behind(t, s3test.MakeBucket(t, s3test.Config(t)))
			s := s3test.Open(t, c)
			content, key := blobtest.Content(1, blob.StepBytes+5000), blob.NewKey()
			u, err := s.Begin(t.Context(), key, int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			if u, err = s.Append(t.Context(), u, bytes.NewReader(content[:blob.StepBytes])); err != nil {
				t.Fatal(err)
			}
			c.Timeout, c.Silence = time.Second, time.Second
			strained := s3test.Open(t, c)
			p.strike(-1, row.f)
			after, err := strained.Append(t.Context(), u, bytes.NewReader(content[u.Offset:]))
			if !errors.Is(err, row.want) || after != u {
				t.Errorf("append: %v, want: %v; at %d, want %d", err, row.want, after.Offset, u.Offset)
			}
			if _, err := strained.Open(t.Context(), key, 0, -1); !errors.Is(err, row.want) || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("open: %v, want: %v", err, row.want)
			}
			if err := strained.Check(t.Context()); !errors.Is(err, row.want) {
				t.Errorf("check: %v, want: %v", err, row.want)
			}
			p.strike(0, nil)
			if u, err = s.Append(t.Context(), after, bytes.NewReader(content[after.Offset:])); err != nil {
				t.Fatal(err)
			}
			if _, err = s.Finish(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, s, key); !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back", len(got))
			}
		})
	}
}

// TestMemoryIsShared: with memory for one part, a slow upload gives way to another.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	c := s3test.MakeBucket(t, s3test.Config(t))
	c.Memory, c.Turn = blob.StepBytes, time.Nanosecond
	s := s3test.Open(t, c)
	const size = blob.StepBytes
	slow, slowWriter := io.Pipe()
	slowContent, quickContent := blobtest.Content(1, size), blobtest.Content(2, size)
	slowKey, quickKey := blob.NewKey(), blob.NewKey()
	upload := func(key string, body io.Reader, done chan<- error) {
		u, err := s.Begin(t.Context(), key, size)
		if err == nil {
			u, err = s.Append(t.Context(), u, body)
		}
		if err == nil {
			_, err = s.Finish(t.Context(), u)
		}
		done <- err
	}
	slowDone, quickDone := make(chan error, 1), make(chan error, 1)
	go upload(slowKey, slow, slowDone)
	for range 3 { // the slow one has the memory now
		if _, err := slowWriter.Write(slowContent[:1000]); err != nil {
			t.Fatal(err)
		}
		slowContent = slowContent[1000:]
	}
	go upload(quickKey, bytes.NewReader(quickContent), quickDone)
	quick := false
	for len(slowContent) > 100_000 && !quick { // it comes drop by drop until the other is through
		if _, err := slowWriter.Write(slowContent[:10]); err != nil {
			t.Fatal(err)
		}
		slowContent = slowContent[10:]
		select {
		case err := <-quickDone:
			if quick = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
	if !quick {
		t.Error("the quick one had to wait for the end of the slow one")
	}
	if _, err := slowWriter.Write(slowContent); err != nil {
		t.Fatal(err)
	}
	if err := <-slowDone; err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, s, slowKey); !bytes.Equal(got, blobtest.Content(1, size)) {
		t.Error("the slow one is another now")
	}
	if got := readAll(t, s, quickKey); !bytes.Equal(got, quickContent) {
		t.Error("the quick one is another now")
	}
}

// start runs a server that the test may kill.
func start(t *testing.T, o servers.S3Options) (*servers.S3, s3blob.Config) {
	t.Helper()
	s3test.Config(t) // or skip
	server, err := servers.StartS3(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if _, err := server.MakeBucket("kept"); err != nil {
		t.Fatal(err)
	}
	return server, s3blob.Config{
		Endpoint: server.URL(), Bucket: "kept", PathStyle: true, AccessKeyID: servers.S3AccessKeyID, SecretAccessKey: secret.New(servers.S3SecretAccessKey),
	}
}

func TestAServerThatDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	server, c := start(t, servers.S3Options{})
	s := s3test.Open(t, c)
	content := blobtest.Content(1, 2*blob.StepBytes+5000)
	u, err := s.Begin(t.Context(), blob.NewKey(), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if u, err = s.Append(t.Context(), u, bytes.NewReader(content[:blob.StepBytes+1000])); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	impatient := c
	impatient.Timeout = time.Second
	after, err := s3test.Open(t, impatient).Append(t.Context(), u, bytes.NewReader(content[u.Offset:]))
	if !errors.Is(err, blob.ErrUnavailable) || after != u {
		t.Errorf("while it is down: at %d, %v", after.Offset, err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = s3test.Open(t, c)
	if u, err = s.Append(t.Context(), after, bytes.NewReader(content[after.Offset:])); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Finish(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, s, u.Key); !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, of %d", len(got), len(content))
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	chain, key := authority.Issue("127.0.0.1")
	_, c := start(t, servers.S3Options{Certificate: chain, Key: key})
	c.TLS = certificate.Files{Mode: certificate.VerifyFull, CA: authority.File}
	s := s3test.Open(t, c)
	if object, err := blob.Put(t.Context(), s, blob.NewKey(), []byte("content")); err != nil || object.Size != 7 {
		t.Errorf("put: %+v, %v", object, err)
	}
	for name, files := range map[string]certificate.Files{
		"without its CA": {}, "not to be verified": {Mode: certificate.Disabled}, "another CA": {CA: certificatetest.New(t).File},
	} {
		c.TLS, c.Timeout = files, 5*time.Second
		if err := s3test.Open(t, c).Check(t.Context()); !errors.Is(err, blob.ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.TLS.CA = filepath.Join(t.TempDir(), "none")
	if _, err := s3blob.Open(c); !errors.Is(err, blob.ErrCertificate) {
		t.Errorf("no CA: %v", err)
	}
	if err := os.WriteFile(c.TLS.CA, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s3blob.Open(c); !errors.Is(err, blob.ErrCertificate) {
		t.Errorf("a broken CA: %v", err)
	}
}
