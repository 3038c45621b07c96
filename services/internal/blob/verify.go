// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// heldBack is how much of a blob waits for its sum: whoever gets less than was said knows that it is not good.
const heldBack = 32 << 10

// Verify reads a whole blob of known size and SHA-256 and gives its last bytes only if the sum is right;
// else Read answers ErrDamaged. Closing it closes the reader.
func Verify(r io.ReadCloser, size int64, sum [32]byte) io.ReadCloser {
	return &verified{source: r, hash: sha256.New(), want: sum, rest: size}
}

type verified struct {
	source io.ReadCloser
	hash   hash.Hash
	want   [32]byte
	rest   int64  // not read yet
	last   []byte // read, checked and not given yet
	err    error  // once there is no more
}

// Read gives bytes as they come, but for the last.
func (v *verified) Read(p []byte) (int, error) {
	if v.rest > heldBack && len(p) > 0 {
		n, err := v.source.Read(p[:min(int64(len(p)), v.rest-heldBack)])
		v.rest -= int64(n)
		v.hash.Write(p[:n])
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %d bytes are missing", ErrDamaged, v.rest)
		}
		return n, err
	}
	if v.err == nil {
		v.last, v.err = v.end()
	}
	n := copy(p, v.last)
	if v.last = v.last[n:]; len(v.last) > 0 {
		return n, nil
	}
	return n, v.err
}

// end reads the last bytes and checks the whole.
func (v *verified) end() ([]byte, error) {
	last, err := io.ReadAll(io.LimitReader(v.source, v.rest+1))
	if err != nil {
		return nil, err
	}
	if v.rest -= int64(len(last)); v.rest != 0 {
		return nil, fmt.Errorf("%w: %d bytes are missing", ErrDamaged, v.rest)
	}
	v.hash.Write(last)
	if [32]byte(v.hash.Sum(nil)) != v.want {
		return nil, fmt.Errorf("%w: its SHA-256 is another", ErrDamaged)
	}
	return last, io.EOF
}

// Close closes the blob.
func (v *verified) Close() error { return v.source.Close() }
