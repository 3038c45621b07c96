// SPDX-License-Identifier: Apache-2.0

package folderblob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/folderblob"
)

func open(t *testing.T, dir string) *folderblob.Store {
	t.Helper()
	s, err := folderblob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func place(t *testing.T) func() blobtest.Kept {
	dir := t.TempDir()
	return func() blobtest.Kept { return open(t, dir) }
}

func TestFolder(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, place)
}

func TestFolderHistories(t *testing.T) {
	t.Parallel()
	blobtest.Histories(t, place, 20)
}

func TestFolderLarge(t *testing.T) { blobtest.Large(t, place) }

func TestNothingLeavesTheFolder(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	s := open(t, dir)
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := blob.NewKey()
	link := filepath.Join(dir, "blobs", key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink(outside, link)); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open(t.Context(), key, 0, -1); err == nil {
		text, _ := io.ReadAll(r)
		t.Errorf("a link out of the folder gives %q", text)
	}
}

func TestAFolderThatIsGone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, statErr := s.Stat(t.Context(), blob.NewKey())
	_, listErr := s.List(t.Context(), "", 1)
	_, appendErr := s.Append(t.Context(), blob.Upload{Key: blob.NewKey(), Size: 1}, strings.NewReader("a"))
	for what, err := range map[string]error{
		"check": s.Check(t.Context()), "stat": statErr, "list": listErr, "append": appendErr, "delete": s.Delete(t.Context(), blob.NewKey()),
	} {
		if !errors.Is(err, blob.ErrUnfit) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folderblob.Open(file); !errors.Is(err, blob.ErrUnfit) {
		t.Errorf("a file as folder: %v", err)
	}
}

func TestWhatWasCutOnTheDiskIsNeverGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	content := blobtest.Content(1, 100_000)
	key := blob.NewKey()
	if _, err := blob.Put(t.Context(), s, key, content); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(filepath.Join(dir, "blobs", key), 50_000); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("cut while it is read: %v", err)
	}
	u, err := s.Begin(t.Context(), blob.NewKey(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = s.Append(t.Context(), u, strings.NewReader(string(content))); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "uploads", u.Key), 50_000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(t.Context(), u); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("cut before it was whole: %v", err)
	}
}

// A process may end when a blob has come to its place and still has the name of its upload too.
func TestABlobWithTwoNamesIsNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	content, key := blobtest.Content(1, 1000), blob.NewKey()
	for range 2 {
		if _, err := blob.Put(t.Context(), s, key, content); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(dir, "blobs", key), filepath.Join(dir, "uploads", key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, offset := range []int64{500, 0} {
		_, _ = s.Append(t.Context(), blob.Upload{Key: key, Size: 1000, Offset: offset}, strings.NewReader("other bytes"))
		if got, err := os.ReadFile(filepath.Join(dir, "blobs", key)); err != nil || string(got) != string(content) {
			t.Errorf("written at %d, the blob is another: %v", offset, err)
		}
	}
	if err := s.Abort(t.Context(), blob.Upload{Key: key}); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Unfinished(t.Context(), "", 10); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
