// SPDX-License-Identifier: Apache-2.0

package blobtest_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/folderblob"
)

func faulty(t *testing.T) *blobtest.Faulty {
	t.Helper()
	kept, err := folderblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	return blobtest.NewFaulty(kept)
}

func TestAFaultyStoreWithoutFaultsIsAStore(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) func() blobtest.Kept {
		s := faulty(t)
		return func() blobtest.Kept { return s }
	})
}

func TestAFaultyStoreFailsAndRecovers(t *testing.T) {
	t.Parallel()
	s, content, key := faulty(t), blobtest.Content(1, 5000), blob.NewKey()
	calls := map[blobtest.Call]func() error{
		blobtest.Open:   func() error { _, err := s.Open(t.Context(), key, 0, -1); return err },
		blobtest.Stat:   func() error { _, err := s.Stat(t.Context(), key); return err },
		blobtest.Delete: func() error { return s.Delete(t.Context(), blob.NewKey()) },
		blobtest.List:   func() error { _, err := s.List(t.Context(), "", 1); return err },
		blobtest.Check:  func() error { return s.Check(t.Context()) },
		blobtest.Append: func() error {
			u, err := s.Append(t.Context(), blob.Upload{Key: blob.NewKey(), Size: 5}, bytes.NewReader(content[:5]))
			if err != nil && u.Offset > 0 {
				t.Errorf("%d bytes were kept", u.Offset)
			}
			return err
		},
		blobtest.Finish:     func() error { _, err := s.Finish(t.Context(), blob.Upload{Key: blob.NewKey()}); return err },
		blobtest.Abort:      func() error { return s.Abort(t.Context(), blob.Upload{Key: blob.NewKey()}) },
		blobtest.Unfinished: func() error { _, err := s.Unfinished(t.Context(), "", 1); return err },
	}
	if _, err := blob.Put(t.Context(), s, key, content); err != nil {
		t.Fatal(err)
	}
	for call, do := range calls {
		s.Fail(blob.ErrUnavailable, call)
		if err := do(); !errors.Is(err, blob.ErrUnavailable) {
			t.Errorf("%s does not fail: %v", call, err)
		}
		s.Fail(nil, call)
		if err := do(); err != nil {
			t.Errorf("%s does not recover: %v", call, err)
		}
	}
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Fail(blob.ErrDamaged, blobtest.Read)
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	s.Lose(blob.ErrUnavailable, blobtest.Delete)
	if err := s.Delete(t.Context(), key); !errors.Is(err, blob.ErrUnavailable) {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a delete whose answer was lost did nothing: %v", err)
	}
}
