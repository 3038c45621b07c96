// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/api/client"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
)

// part is what one request of an upload brings.
const part = 5 << 20

// noise is content that is the same nowhere else.
func noise(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(content) // never fails
	return content
}

// must uploads a content and answers its id.
func must(t *testing.T, c *client.Client, u client.Upload) string {
	t.Helper()
	file, err := c.Upload(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return file.GetFileId()
}

// nth is a hook for the n-th request for bytes.
func nth(fates map[int]*fate) func(*http.Request, int) *fate {
	return func(_ *http.Request, n int) *fate { return fates[n] }
}

func same(t *testing.T, what string, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("%s: %d bytes that are not the %d wanted ones", what, len(got), len(want))
	}
}

func TestF19_AnUploadComesInParts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(2*part + 1000)
		var told []int64
		file, err := idle(t, f).Upload(t.Context(), client.Upload{
			Name: "报告.bin", ContentType: "application/zip", Content: bytes.NewReader(content), Progress: func(n int64) { told = append(told, n) },
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "requests", []string{"PUT 0 5242880", "PUT 5242880 5242880", "PUT 10485760 1000"}, f.files.saw())
		check(t, "file", []any{"报告.bin", "application/zip", filev1.Purpose_PURPOSE_FILE, int64(len(content))},
			[]any{file.GetName(), file.GetContentType(), file.GetPurpose(), file.GetSize()})
		same(t, "stored", content, f.files.content(file.GetFileId()))
		for i := 1; i < len(told); i++ {
			if told[i] < told[i-1] {
				t.Fatalf("progress went back from %d to %d", told[i-1], told[i])
			}
		}
		check(t, "last progress", int64(len(content)), told[len(told)-1])
	})
}

func TestAnUploadOfAFileOnDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "minutes.txt")
	if err := os.WriteFile(path, []byte("Minutes of Monday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	bubble(t, func(t *testing.T, f *fake) {
		made, err := idle(t, f).Upload(t.Context(), client.Upload{Purpose: filev1.Purpose_PURPOSE_IMAGE, Content: file})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "file", []any{"minutes.txt", int64(18), filev1.Purpose_PURPOSE_IMAGE}, []any{made.GetName(), made.GetSize(), made.GetPurpose()})
	})
}

func TestF19_AnUploadGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(part + 2000)
		tune(f.files, &f.files.onBytes, nth(map[int]*fate{1: {after: 3 << 20}, 2: {after: 1 << 20}}))
		id := must(t, idle(t, f), client.Upload{Name: "a", Content: bytes.NewReader(content)})
		check(t, "requests", []string{
			"PUT 0 3145728", "PUT 3145728 1048576", "PUT 4194304 1050576", // what is left is less than a part
		}, f.files.saw())
		same(t, "stored", content, f.files.content(id))
		check(t, "calls", []int{3, 1}, []int{f.files.count("CreateUpload"), f.files.count("CompleteUpload")})
	})
}

func TestAnUploadGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content, key, listener := noise(2*part), uuid.NewString(), serve(t, f)
		ctx, stop := context.WithCancel(t.Context())
		first := client.Upload{Name: "a", Content: bytes.NewReader(content), Key: key, Progress: func(n int64) {
			if n > part {
				stop() // the process ends in the second part
			}
		}}
		if _, err := idleAt(t, listener).Upload(ctx, first); !errors.Is(err, context.Canceled) {
			t.Fatalf("the first: %v", err)
		}
		pass(0)
		before := len(f.files.saw())
		least := int64(len(content))
		second := first
		second.Progress = func(n int64) { least = min(least, n) }
		id := must(t, idleAt(t, listener), second)
		if least < part || before >= len(f.files.saw()) {
			t.Errorf("the second begins with %d bytes sent: %v", least, f.files.saw())
		}
		same(t, "stored", content, f.files.content(id))
		check(t, "a third gets the same", id, must(t, idleAt(t, listener), second))
		second.Content = strings.NewReader("something else")
		_, err := idleAt(t, listener).Upload(t.Context(), second)
		isRefused(t, err, "IDEMPOTENCY_KEY_REUSED")
	})
}

func isRefused(t *testing.T, err error, reason string) {
	t.Helper()
	refused, ok := errors.AsType[*client.FileError](err)
	if !ok || refused.Reason != reason {
		t.Errorf("error %v, want the reason %s", err, reason)
	}
}

func TestALostAnswerToAnUploadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]string{"of the announcement": "CreateUpload", "of the completion": "CompleteUpload"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				tune(f.files, &f.files.onCall, func(call string, n int) error {
					if call == lost && n == 1 {
						panic(http.ErrAbortHandler)
					}
					return nil
				})
				content := noise(1000)
				id := must(t, idle(t, f), client.Upload{Name: "a", Content: bytes.NewReader(content)})
				same(t, "stored", content, f.files.content(id))
				check(t, "asked", 2, f.files.count(lost))
			})
		})
	}
}

func TestAnUploadThatStandsStillIsTriedAnew(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		tune(f.files, &f.files.onBytes, nth(map[int]*fate{1: {after: 1 << 20, silent: true}}))
		content, start := noise(part), time.Now()
		id := must(t, idle(t, f), client.Upload{Name: "a", Content: bytes.NewReader(content)})
		same(t, "stored", content, f.files.content(id))
		if took := time.Since(start); took < 30*time.Second || took > 32*time.Second {
			t.Errorf("it took %s, want the 30 s of patience", took)
		}
	})
}

func TestTheTimeOfTheContentIsNotThatOfTheNetwork(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(1000)
		id := must(t, idle(t, f), client.Upload{Name: "a", Size: 1000, Content: readerAt(func(p []byte, at int64) (int, error) {
			<-time.After(5 * time.Minute) // a tape
			return bytes.NewReader(content).ReadAt(p, at)
		})})
		same(t, "stored", content, f.files.content(id))
		check(t, "requests", []string{"PUT 0 1000"}, f.files.saw())
	})
}

type readerAt func(p []byte, at int64) (int, error)

func (r readerAt) ReadAt(p []byte, at int64) (int, error) { return r(p, at) }

func TestAnUploadWaitsForTheServerUntilItsDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		tune(f.files, &f.files.onCall, func(string, int) error {
			return refusal(connect.CodeUnavailable, "FILES_UNAVAILABLE", 20*time.Second)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Second)
		defer cancel()
		start := time.Now()
		_, err := idle(t, f).Upload(ctx, client.Upload{Name: "a", Content: strings.NewReader("a")})
		if !errors.Is(err, context.DeadlineExceeded) || connect.CodeOf(err) != connect.CodeUnavailable {
			t.Errorf("error %v", err)
		}
		check(t, "time", 70*time.Second, time.Since(start))
		check(t, "calls: every 20 seconds, as the server asked", 4, f.files.count("CreateUpload"))
	})
}

func TestAnUploadThatIsRefusedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		call string
		err  error
		want string
	}{
		"too large":      {"CreateUpload", refusal(connect.CodeResourceExhausted, "TOO_LARGE", 0), "TOO_LARGE"},
		"quota":          {"CreateUpload", refusal(connect.CodeResourceExhausted, "QUOTA_EXCEEDED", time.Hour), "QUOTA_EXCEEDED"},
		"signed out":     {"CreateUpload", refusal(connect.CodeUnauthenticated, "SESSION_ENDED", 0), "SESSION_ENDED"},
		"no picture":     {"CompleteUpload", refusal(connect.CodeInvalidArgument, "CONTENT_TYPE_MISMATCH", 0), "CONTENT_TYPE_MISMATCH"},
		"without reason": {"CompleteUpload", connect.NewError(connect.CodePermissionDenied, errors.New("no")), "PERMISSION_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				tune(f.files, &f.files.onCall, func(call string, _ int) error {
					if call == row.call {
						return row.err
					}
					return nil
				})
				_, err := idle(t, f).Upload(t.Context(), client.Upload{Name: "a", Content: strings.NewReader("a")})
				isRefused(t, err, row.want)
				check(t, "code", connect.CodeOf(row.err), connect.CodeOf(err))
				check(t, "calls", 1, f.files.count(row.call))
			})
		})
	}
}

func TestRefusedBytes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fate *fate
		want string // empty: tried again
	}{
		"busy":             {&fate{refuse: refusal(connect.CodeAborted, "UPLOAD_BUSY", 0)}, ""},
		"rate":             {&fate{refuse: refusal(connect.CodeResourceExhausted, "RATE_LIMITED", 3*time.Second)}, ""},
		"bad gateway":      {&fate{status: http.StatusBadGateway}, ""},
		"too long":         {&fate{refuse: refusal(connect.CodeInvalidArgument, "UPLOAD_TOO_LONG", 0)}, "UPLOAD_TOO_LONG"},
		"removed":          {&fate{refuse: refusal(connect.CodeNotFound, "NOT_FOUND", 0)}, "NOT_FOUND"},
		"a wall in front":  {&fate{status: http.StatusRequestEntityTooLarge}, "RESOURCE_EXHAUSTED"},
		"a server's fault": {&fate{refuse: refusal(connect.CodeInternal, "INTERNAL", 0)}, "INTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				tune(f.files, &f.files.onBytes, func(_ *http.Request, n int) *fate {
					if n == 1 || row.want != "" {
						return row.fate
					}
					return nil
				})
				_, err := idle(t, f).Upload(t.Context(), client.Upload{Name: "a", Content: strings.NewReader("a")})
				if row.want != "" {
					isRefused(t, err, row.want)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAContentThatCannotBeReadEndsTheUpload(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, row := range map[string]struct {
		upload client.Upload
		want   error
	}{
		"at once": {client.Upload{Size: 10, Content: readerAt(func([]byte, int64) (int, error) { return 0, broken })}, broken},
		"later": {client.Upload{Size: 10, Content: func() io.ReaderAt {
			var reads atomic.Int64
			return readerAt(func(p []byte, _ int64) (int, error) {
				if reads.Add(1) > 1 {
					return 0, broken
				}
				return len(p), nil
			})
		}()}, broken},
		"cut off later": {client.Upload{Size: 10, Content: func() io.ReaderAt {
			var reads atomic.Int64
			return readerAt(func(p []byte, at int64) (int, error) {
				if reads.Add(1) > 1 {
					return 0, io.EOF
				}
				return len(p), nil
			})
		}()}, io.ErrUnexpectedEOF},
		"too short": {client.Upload{Size: 10, Content: strings.NewReader("short")}, io.ErrUnexpectedEOF},
		"empty":     {client.Upload{Content: strings.NewReader("")}, nil},
		"none":      {client.Upload{Size: 10}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				row.upload.Name = "a"
				_, err := idle(t, f).Upload(t.Context(), row.upload)
				if err == nil || row.want != nil && !errors.Is(err, row.want) {
					t.Errorf("error %v, want %v", err, row.want)
				}
			})
		})
	}
}

func TestAnUploadPastParley(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		store     *fate
		requests  []string
		announced int
	}{
		"goes to the store as a whole":      {nil, []string{"PUT store 400000"}, 1},
		"after a refusal there":             {&fate{status: http.StatusForbidden}, []string{"PUT store 0", "PUT 0 400000"}, 1},
		"after a break there":               {&fate{after: 5000}, []string{"PUT store 5000", "PUT 0 400000"}, 1},
		"whose answer is lost is completed": {&fate{after: 400_000}, []string{"PUT store 400000"}, 1},
		"which the store loses":             {&fate{after: 400_000, lose: true}, []string{"PUT store 400000", "PUT 0 400000"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				f.files.presign = true
				tune(f.files, &f.files.onBytes, nth(map[int]*fate{1: row.store}))
				content := noise(400_000)
				id := must(t, idle(t, f), client.Upload{Name: "a", Content: bytes.NewReader(content)})
				same(t, "stored", content, f.files.content(id))
				check(t, "requests", row.requests, f.files.saw())
				check(t, "announced", row.announced, f.files.count("CreateUpload"))
			})
		})
	}
}

// unreachable refuses connections to the store, as a network does in which it has no name.
func unreachable(c *client.Config) {
	next := c.Dial
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, storeHost) {
			return nil, errors.New("no such host")
		}
		return next(ctx, network, address)
	}
}

func TestWhoCannotReachTheStoreGoesThroughParley(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.files.presign = true
		c, content := idle(t, f, unreachable), noise(1000)
		id := must(t, c, client.Upload{Name: "a", Content: bytes.NewReader(content)})
		same(t, "stored", content, f.files.content(id))
		var got bytes.Buffer
		if _, err := c.Download(t.Context(), id, &got); err != nil {
			t.Fatal(err)
		}
		same(t, "fetched", content, got.Bytes())
		check(t, "requests", []string{"PUT 0 1000", "GET 0"}, f.files.saw())
	})
}

func TestAnUploadGoesToTheNextAddress(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		content := noise(1000)
		id := must(t, idle(t, f, func(c *client.Config) {
			c.BaseURLs = []string{"http://one.example", "http://two.example"}
			next := c.Dial
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasPrefix(address, "one") {
					return nil, errors.New("nobody there")
				}
				return next(ctx, network, address)
			}
		}), client.Upload{Name: "a", Content: bytes.NewReader(content)})
		same(t, "stored", content, f.files.content(id))
	})
}
