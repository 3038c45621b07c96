// SPDX-License-Identifier: Apache-2.0

package s3blob_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/secret"
)

// An upload that is begun while nothing answers would end at its first byte.
func TestNothingBeginsWhileTheStoreIsSilent(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `<?xml version="1.0"?><ListBucketResult></ListBucketResult>`)
	}))
	t.Cleanup(server.Close)
	s := s3test.Open(t, s3blob.Config{Endpoint: server.URL, Bucket: "b", PathStyle: true, AccessKeyID: "id", SecretAccessKey: secret.New("key")})
	begin := func() error {
		_, err := s.Begin(t.Context(), blob.NewKey(), 5)
		return err
	}
	away.Store(true)
	if err := begin(); err != nil {
		t.Errorf("before anything is known: %v", err)
	}
	for range 2 {
		if err := s.Check(t.Context()); !errors.Is(err, blob.ErrUnavailable) {
			t.Error(err)
		}
		if err := begin(); !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("while it is silent: %v", err)
		}
	}
	away.Store(false)
	if err := begin(); err != nil {
		t.Errorf("as soon as it is back: %v", err)
	}
}
