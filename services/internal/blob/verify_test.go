// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/folderblob"
)

func TestABlobIsNeverServedAsGoodIfItIsNot(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 1000, 32 << 10, 32<<10 + 1, 200_000} {
		content := blobtest.Content(1, size)
		sum := sha256.Sum256(content)
		flipped := bytes.Clone(content)
		if size > 0 {
			flipped[size/3] ^= 4
		}
		for _, row := range []struct {
			name   string
			stored []byte
			good   bool
		}{
			{"as it was", content, true},
			{"a bit is another", flipped, size == 0},
			{"cut", content[:max(0, size-1)], size == 0},
			{"longer", append(bytes.Clone(content), 0), false},
		} {
			t.Run(fmt.Sprintf("%d bytes, %s", size, row.name), func(t *testing.T) {
				t.Parallel()
				for _, slow := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader} {
					got, err := io.ReadAll(blob.Verify(io.NopCloser(slow(bytes.NewReader(row.stored))), int64(size), sum))
					if row.good && (err != nil || !bytes.Equal(got, content)) {
						t.Errorf("%d bytes, %v", len(got), err)
					}
					if !row.good && (!errors.Is(err, blob.ErrDamaged) || len(got) >= max(size, 1)) {
						t.Errorf("%d bytes of a damaged blob of %d, %v", len(got), size, err)
					}
				}
			})
		}
	}
}

func TestReadHereAndThere(t *testing.T) {
	t.Parallel()
	store, err := folderblob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	content, key := blobtest.Content(2, 300_000), blob.NewKey()
	if _, err := blob.Put(t.Context(), store, key, content); err != nil {
		t.Fatal(err)
	}
	r := blob.NewReaderAt(t.Context(), store, key, int64(len(content)))
	for _, row := range []struct{ at, length, want int }{
		{0, 10, 10}, {5, 100, 100}, {299_990, 10, 10}, {65_530, 20, 20}, {0, 300_000, 300_000}, {299_999, 5, 1}, {300_000, 1, 0}, {400_000, 1, 0}, {7, 0, 0},
	} {
		got := make([]byte, row.length)
		n, err := r.ReadAt(got, int64(row.at))
		if n != row.want || (n < row.length) != errors.Is(err, io.EOF) || n == row.length && err != nil || !bytes.Equal(got[:n], content[min(row.at, len(content)):][:n]) {
			t.Errorf("%d+%d: %d bytes, %v", row.at, row.length, n, err)
		}
	}
}
