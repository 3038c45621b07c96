// SPDX-License-Identifier: Apache-2.0

package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
)

// halting runs something once in the middle of a body.
type halting struct {
	first, rest io.Reader
	meanwhile   func()
}

func (h *halting) Read(p []byte) (int, error) {
	n, err := h.first.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if h.meanwhile != nil {
		h.meanwhile()
		h.meanwhile = nil
	}
	return h.rest.Read(p)
}

// late: another process that was slow, or begins from an older state, sends other bytes while a blob becomes whole.
func late(t *testing.T, open func() Kept) {
	for i, size := range []int{small, step, step + small, 2*step + small} {
		content, other := Content(uint64(i), size), Content(uint64(i)+100, size)
		begun := begin(t, open(), size)
		stays := func(what string) {
			t.Helper()
			same(t, fmt.Sprintf("%d bytes, %s", size, what), read(t, open(), begun.Key, 0, -1), content)
		}
		half := size - small/2
		slow := &halting{bytes.NewReader(other[:half]), bytes.NewReader(other[half:]), func() {
			u := appended(t, open(), begun, content)
			if _, err := open().Finish(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			stays("once it is whole")
		}}
		slower, _ := open().Append(t.Context(), begun, slow) // whether it is told is the adapter's
		stays("after the end of a slow body")
		_, _ = open().Append(t.Context(), begun, bytes.NewReader(other))
		stays("after bytes of an older state")
		wants(t, "abort", open().Abort(t.Context(), slower), nil)
		stays("after the abort of the slow one")
		if left, err := open().Unfinished(t.Context(), "", 10); err != nil || len(left) > 0 {
			t.Errorf("%d bytes: late bytes are still there: %+v, %v", size, left, err)
		}
	}
}

// lateParts: parts of one upload that another process replaces while it is finished.
func lateParts(t *testing.T, open func() Kept) {
	for _, size := range []int{2 * small, step + small} {
		content := Content(1, size)
		halfway := appended(t, open(), begin(t, open(), size), content[:size-small])
		slow := &halting{bytes.NewReader(Content(2, small/2)), bytes.NewReader(Content(3, small/2)), func() {
			u := appended(t, open(), halfway, content[size-small:])
			if _, err := open().Finish(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			same(t, "once it is whole", read(t, open(), u.Key, 0, -1), content)
		}}
		_, _ = open().Append(t.Context(), halfway, slow) // whether it is told is the adapter's
		same(t, "after other bytes of the last part", read(t, open(), halfway.Key, 0, -1), content)
		wants(t, "abort", open().Abort(t.Context(), blob.Upload{Key: halfway.Key}), nil)
		if left, err := open().Unfinished(t.Context(), "", 10); err != nil || len(left) > 0 {
			t.Errorf("late parts are still there: %+v, %v", left, err)
		}
	}
}
