// SPDX-License-Identifier: Apache-2.0

package s3blob_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/secret"
)

// place is a bucket that others use too.
func place(t *testing.T) func() blobtest.Kept {
	c := s3test.MakeBucket(t, s3test.Config(t))
	other := s3test.Open(t, c)
	c.Prefix = "one/"
	if _, err := blob.Put(t.Context(), other, blob.NewKey(), []byte("of somebody else")); err != nil {
		t.Fatal(err)
	}
	return func() blobtest.Kept { return s3test.Open(t, c) }
}

func TestS3(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, place)
}

func TestS3WithoutPrefix(t *testing.T) {
	t.Parallel()
	blobtest.Histories(t, func(t *testing.T) func() blobtest.Kept {
		c := s3test.MakeBucket(t, s3test.Config(t))
		return func() blobtest.Kept { return s3test.Open(t, c) }
	}, 3)
}

func TestS3Histories(t *testing.T) {
	t.Parallel()
	blobtest.Histories(t, place, 5)
}

func TestS3Large(t *testing.T) { blobtest.Large(t, place) }

func TestWhatIsWrongIsTold(t *testing.T) {
	t.Parallel()
	good := s3test.MakeBucket(t, s3test.Config(t))
	for _, row := range []struct {
		name   string
		change func(*s3blob.Config)
		want   error
	}{
		{"another key", func(c *s3blob.Config) { c.AccessKeyID = "unknown" }, blob.ErrForbidden},
		{"another secret", func(c *s3blob.Config) { c.SecretAccessKey = secret.New("wrong") }, blob.ErrForbidden},
		{"another bucket", func(c *s3blob.Config) { c.Bucket = "no-such-bucket" }, blob.ErrUnfit},
		{"another region", func(c *s3blob.Config) { c.Region = "eu-central-9" }, blob.ErrUnfit},
		{"nobody there", func(c *s3blob.Config) { c.Endpoint = "http://127.0.0.1:1"; c.Timeout = time.Second }, blob.ErrUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := good
			row.change(&c)
			s := s3test.Open(t, c)
			key := blob.NewKey()
			_, openErr := s.Open(t.Context(), key, 0, -1)
			_, listErr := s.List(t.Context(), "", 1)
			_, putErr := blob.Put(t.Context(), s, key, []byte("content"))
			_, statErr := s.Stat(t.Context(), key)
			for what, err := range map[string]error{
				"check": s.Check(t.Context()), "open": openErr, "list": listErr, "put": putErr, "stat": statErr, "delete": s.Delete(t.Context(), key),
			} {
				if row.name == "another region" && what == "stat" && errors.Is(err, blob.ErrForbidden) {
					continue // an answer without a body says no more
				}
				if !errors.Is(err, row.want) || errors.Is(err, blob.ErrNotFound) {
					t.Errorf("%s: %v, want: %v", what, err, row.want)
				}
			}
		})
	}
	for _, change := range []func(*s3blob.Config){
		func(c *s3blob.Config) { c.Bucket = "" },
		func(c *s3blob.Config) { c.Endpoint = "ftp://127.0.0.1" },
		func(c *s3blob.Config) { c.Endpoint = "127.0.0.1:9000" },
	} {
		c := good
		if change(&c); true {
			if _, err := s3blob.Open(c); !errors.Is(err, blob.ErrUnfit) {
				t.Errorf("%+v is opened: %v", c, err)
			}
		}
	}
}

func send(t *testing.T, r blob.Request, body []byte, header ...string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.Headers {
		req.Header.Set(name, value)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, text
}

func TestPresigned(t *testing.T) {
	t.Parallel()
	s := s3test.Open(t, s3test.MakeBucket(t, s3test.Config(t)))
	content := blobtest.Content(1, 100_000)
	key := blob.NewKey()
	put, err := s.PresignPut(t.Context(), blob.PresignedPut{Key: key, Size: int64(len(content)), SHA256: sha256.Sum256(content), Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(content)
	other[5] ^= 1
	for name, body := range map[string][]byte{"other bytes": other, "fewer": content[:1000], "more": append(bytes.Clone(content), 1)} {
		if status, _, text := send(t, put, body); status < 400 {
			t.Errorf("%s are taken: %d %s", name, status, text)
		}
	}
	if status, _, text := send(t, put, content, "Content-Type", "text/html"); status < 400 {
		t.Errorf("another type is taken: %d %s", status, text)
	}
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
	if status, _, text := send(t, put, content); status != http.StatusOK {
		t.Fatalf("put: %d %s", status, text)
	}
	get, err := s.PresignGet(t.Context(), blob.PresignedGet{Key: key, Type: "image/png", Disposition: `attachment; filename="a.png"`, Lifetime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	status, header, text := send(t, get, nil)
	if status != http.StatusOK || !bytes.Equal(text, content) || header.Get("Content-Type") != "image/png" || header.Get("Content-Disposition") != `attachment; filename="a.png"` {
		t.Errorf("get: %d, %d bytes, %v", status, len(text), header)
	}
	get.URL += "&response-content-type=text%2Fhtml"
	if status, _, _ := send(t, get, nil); status != http.StatusForbidden {
		t.Errorf("with another type: %d", status)
	}
}
