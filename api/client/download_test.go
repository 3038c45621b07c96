// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/parley-chat/parley/api/client"
)

func TestADownloadGoesOnAfterEveryBreak(t *testing.T) {
	t.Parallel()
	const size = 300_000
	for name, row := range map[string]struct {
		presign  bool
		fates    map[int]*fate
		requests []string
	}{
		"without a break":        {false, nil, []string{"GET 0"}},
		"cut twice":              {false, map[int]*fate{1: {after: 200_000}, 2: {after: 1000}}, []string{"GET 0", "GET bytes=200000- 0", "GET bytes=201000- 0"}},
		"cut before a byte":      {false, map[int]*fate{1: {after: 0}}, []string{"GET 0", "GET 0"}},
		"standing still":         {false, map[int]*fate{1: {after: 5000, silent: true}}, []string{"GET 0", "GET bytes=5000- 0"}},
		"without ranges":         {false, map[int]*fate{1: {after: 5000}, 2: {after: 1 << 40, whole: true}}, []string{"GET 0", "GET bytes=5000- 0"}},
		"a link too old":         {false, map[int]*fate{1: {refuse: refusal(connect.CodePermissionDenied, "LINK_EXPIRED", 0)}}, []string{"GET 0", "GET 0"}},
		"a server that is away":  {false, map[int]*fate{1: {status: http.StatusServiceUnavailable}}, []string{"GET 0", "GET 0"}},
		"from the store":         {true, nil, []string{"GET store 0"}},
		"from the store, cut":    {true, map[int]*fate{1: {after: 5000}}, []string{"GET store 0", "GET store bytes=5000- 0"}},
		"refused by the store":   {true, map[int]*fate{1: {status: http.StatusForbidden}}, []string{"GET store 0", "GET 0"}},
		"a store that went away": {true, map[int]*fate{1: {after: 5000}, 2: {after: 0}}, []string{"GET store 0", "GET store bytes=5000- 0", "GET bytes=5000- 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				content := noise(size)
				id := f.files.put(content)
				f.files.presign, f.files.onBytes = row.presign, nth(row.fates)
				var got bytes.Buffer
				file, err := idle(t, f).Download(t.Context(), id, &got)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "fetched", content, got.Bytes())
				check(t, "file", id, file.GetFileId())
				check(t, "requests", row.requests, f.files.saw())
			})
		})
	}
}

func TestBytesThatMoveKeepTheWaitsShort(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(20_000)
		id := f.files.put(content)
		tune(f.files, &f.files.onBytes, func(*http.Request, int) *fate { return &fate{after: 1000} })
		var got bytes.Buffer
		start := time.Now()
		if _, err := idle(t, f).Download(t.Context(), id, &got); err != nil {
			t.Fatal(err)
		}
		same(t, "fetched", content, got.Bytes())
		check(t, "time of 19 waits", 19*250*time.Millisecond, time.Since(start))
	})
}

func TestADownloadThatIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		c := idle(t, f)
		_, err := c.Download(t.Context(), "nothing", io.Discard)
		isRefused(t, err, "NOT_FOUND")
		id := f.files.put(noise(1000))
		tune(f.files, &f.files.onBytes, func(*http.Request, int) *fate {
			return &fate{refuse: refusal(connect.CodePermissionDenied, "LINK_FOREIGN", 0)}
		})
		_, err = c.Download(t.Context(), id, io.Discard)
		isRefused(t, err, "LINK_FOREIGN")
		check(t, "requests", []string{"GET 0"}, f.files.saw())
	})
}

func TestADownloadWaitsUntilItsDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		id := f.files.put(noise(1000))
		tune(f.files, &f.files.onBytes, func(*http.Request, int) *fate { return &fate{after: 0} })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_, err := idle(t, f).Download(ctx, id, io.Discard)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := len(f.files.saw()); n < 35 || n > 55 {
			t.Errorf("%d tries in ten minutes, want one every 15 seconds", n)
		}
	})
}

// full takes so many bytes.
type full struct {
	left int
	err  error
}

func (w *full) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestAWriterThatFailsEndsTheDownload(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		id, c := f.files.put(noise(100_000)), idle(t, f)
		broken := errors.New("the disk is full")
		if _, err := c.Download(t.Context(), id, &full{5000, broken}); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		if _, err := c.Download(t.Context(), id, &full{5000, nil}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("error %v", err)
		}
		check(t, "requests", []string{"GET 0", "GET 0"}, f.files.saw())
	})
}

func TestDamagedBytesAreTold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		id, c := f.files.put(noise(100_000)), idle(t, f)
		path := filepath.Join(t.TempDir(), "a.bin")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		f.files.change = func(content []byte) []byte {
			damaged := bytes.Clone(content)
			damaged[70_000] ^= 1
			return damaged
		}
		if _, err := c.Download(t.Context(), id, io.Discard); !errors.Is(err, client.ErrDamaged) {
			t.Errorf("error %v", err)
		}
		if _, err := c.DownloadFile(t.Context(), id, path); !errors.Is(err, client.ErrDamaged) {
			t.Errorf("error %v", err)
		}
		onlyFile(t, path, []byte("before"))
	})
}

// onlyFile checks that a folder has one file, and what is in it.
func onlyFile(t *testing.T, path string, want []byte) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "files in the folder", 1, len(entries))
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "in the file", want, got)
}

func TestADownloadToAFileIsAllOrNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(100_000)
		id, c := f.files.put(content), idle(t, f)
		path := filepath.Join(t.TempDir(), "a.bin")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		tune(f.files, &f.files.onBytes, func(*http.Request, int) *fate {
			onlyBefore, err := os.ReadFile(path)
			if err != nil || string(onlyBefore) != "before" {
				t.Errorf("while bytes come the file holds %q, %v", onlyBefore, err)
			}
			return &fate{after: 60_000}
		})
		if _, err := c.DownloadFile(t.Context(), id, path); err != nil {
			t.Fatal(err)
		}
		onlyFile(t, path, content)
		if _, err := c.DownloadFile(t.Context(), id, filepath.Join(path, "b.bin")); err == nil {
			t.Error("a path that cannot be is no error")
		}
	})
}
