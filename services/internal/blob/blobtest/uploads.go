// SPDX-License-Identifier: Apache-2.0

package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/parley-chat/parley/services/internal/blob"
)

func parts(t *testing.T, open func() Kept) {
	for i, by := range []int{step, step - 1, step/3 + 1, 2*step + 1} {
		content := Content(uint64(i), 2*step+step/2)
		u := begin(t, open(), len(content))
		for u.Offset < u.Size {
			end := min(int(u.Offset)+by, len(content))
			u = appended(t, open(), u, content[u.Offset:end])
		}
		if _, err := open().Finish(t.Context(), u); err != nil {
			t.Fatalf("steps of %d: %v", by, err)
		}
		same(t, fmt.Sprintf("steps of %d", by), read(t, open(), u.Key, 0, -1), content)
	}
}

// cutAt gives the first bytes of a body and then an error, as a connection does that broke.
func cutAt(content []byte, at int) io.Reader {
	return io.MultiReader(bytes.NewReader(content[:at]), iotest.ErrReader(io.ErrUnexpectedEOF))
}

func cut(t *testing.T, open func() Kept) {
	content := Content(2, 2*step+small)
	u := begin(t, open(), len(content))
	for _, at := range []int{0, 1, small, small, step - 1, step, step + small, 2 * step, len(content) - 1} {
		from := u.Offset
		var err error
		u, err = open().Append(t.Context(), u, cutAt(content[from:], at-int(from)))
		wants(t, "cut", err, blob.ErrCut)
		if u.Offset != int64(at) {
			t.Fatalf("cut at %d: %d bytes were kept", at, u.Offset)
		}
	}
	s := open()
	u = appended(t, s, u, content[u.Offset:])
	if _, err := s.Finish(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	same(t, "after cuts", read(t, s, u.Key, 0, -1), content)
}

// ending ends a context once some bytes were read, as a server does whose client went away.
type ending struct {
	r     io.Reader
	after int
	end   context.CancelFunc
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p[:min(len(p), max(1, e.after))])
	if e.after -= n; e.after <= 0 {
		e.end()
	}
	return n, err
}

func ended(t *testing.T, open func() Kept) {
	content := Content(3, step+2*small)
	u := begin(t, open(), len(content))
	for _, n := range []int{small, step, 10} {
		ctx, end := context.WithCancel(t.Context())
		var err error
		from := u.Offset
		u, err = open().Append(ctx, u, &ending{r: bytes.NewReader(content[from:]), after: n, end: end})
		wants(t, "ended", err, blob.ErrCut)
		if u.Offset < from+int64(n) {
			t.Fatalf("%d bytes came, %d were kept", n, u.Offset-from)
		}
	}
	u = appended(t, open(), u, content[u.Offset:])
	if _, err := open().Finish(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	same(t, "after the end of contexts", read(t, open(), u.Key, 0, -1), content)
}

// older: a process that dies after a write and before it noted that leaves the state before.
func older(t *testing.T, open func() Kept) {
	content := Content(4, 2*step+3*small)
	states := []blob.Upload{begin(t, open(), len(content))}
	for _, n := range []int{small, small, step, step} {
		last := states[len(states)-1]
		states = append(states, appended(t, open(), last, content[last.Offset:int(last.Offset)+n]))
	}
	for i, u := range states {
		s := open()
		for attempt := 0; u.Offset < u.Size; attempt++ {
			before := u.Offset
			var err error
			u, err = s.Append(t.Context(), u, bytes.NewReader(content[u.Offset:]))
			if err != nil && (!errors.Is(err, blob.ErrNotFound) || u.Offset > before || attempt > 0) {
				t.Fatalf("from state %d: at %d, %v", i, u.Offset, err)
			}
		}
		// The end of one would be the end of all: only the last is finished.
		if i < len(states)-1 {
			continue
		}
		if _, err := s.Finish(t.Context(), u); err != nil {
			t.Fatalf("from state %d: %v", i, err)
		}
		same(t, "after going back", read(t, s, u.Key, 0, -1), content)
	}
}

func incomplete(t *testing.T, open func() Kept) {
	s := open()
	for _, size := range []int{2 * small, 2 * step} {
		u := begin(t, s, size)
		_, err := s.Finish(t.Context(), u)
		wants(t, "finish at the begin", err, blob.ErrIncomplete)
		u = appended(t, s, u, Content(5, size-small))
		_, err = s.Finish(t.Context(), u)
		wants(t, "finish too early", err, blob.ErrIncomplete)
		_, err = s.Open(t.Context(), u.Key, 0, -1)
		wants(t, "open what is not whole", err, blob.ErrNotFound)
		_, err = s.Stat(t.Context(), u.Key)
		wants(t, "stat what is not whole", err, blob.ErrNotFound)
		u = appended(t, s, u, Content(6, small))
		for range 2 {
			if object, err := s.Finish(t.Context(), u); err != nil || object.Size != int64(size) {
				t.Errorf("finish, and again: %+v, %v", object, err)
			}
		}
	}
}

func aborted(t *testing.T, open func() Kept) {
	s := open()
	for _, size := range []int{2 * small, 2 * step} {
		content := Content(7, size)
		u := appended(t, s, begin(t, s, size), content[:size-small])
		for range 2 {
			wants(t, "abort", s.Abort(t.Context(), u), nil)
		}
		if left, err := s.Unfinished(t.Context(), "", 10); err != nil || len(left) > 0 {
			t.Errorf("after the abort there is %+v, %v", left, err)
		}
		// It can go on, from as far back as the store says.
		u, err := s.Append(t.Context(), u, bytes.NewReader(content[size-small:]))
		wants(t, "append after the abort", err, blob.ErrNotFound)
		for u.Offset > 0 && errors.Is(err, blob.ErrNotFound) {
			before := u.Offset
			if u, err = s.Append(t.Context(), u, bytes.NewReader(content[u.Offset:])); u.Offset >= before {
				t.Fatalf("after the abort it goes on from %d, and then %d: %v", before, u.Offset, err)
			}
		}
		u = appended(t, s, u, content)
		if _, err = s.Finish(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		wants(t, "abort of what is whole", s.Abort(t.Context(), u), nil)
		same(t, "what was whole", read(t, s, u.Key, 0, -1), content)
	}
}

func deleted(t *testing.T, open func() Kept) {
	s := open()
	whole := blob.NewKey()
	put(t, s, whole, Content(8, step+1), step+1)
	for _, size := range []int{2 * small, 2 * step} {
		u := appended(t, s, begin(t, s, size), Content(9, size-small))
		for _, key := range []string{u.Key, whole} {
			wants(t, "delete", s.Delete(t.Context(), key), nil)
			_, err := s.Stat(t.Context(), key)
			wants(t, "stat after delete", err, blob.ErrNotFound)
		}
		if left, err := s.Unfinished(t.Context(), "", 10); err != nil || len(left) > 0 {
			t.Errorf("after delete there is %+v, %v", left, err)
		}
	}
	for _, size := range []int{small, 2 * step} {
		u := appended(t, s, begin(t, s, size), Content(10, size))
		wants(t, "delete", s.Delete(t.Context(), u.Key), nil)
		_, err := s.Finish(t.Context(), u)
		wants(t, "finish after delete", err, blob.ErrNotFound)
	}
}
