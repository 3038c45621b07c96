// SPDX-License-Identifier: Apache-2.0

// Package blobtest has the suite that every store of blobs passes.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Kept is a store that takes uploads.
type Kept interface {
	blob.Store
	blob.Uploads
}

// Opener gives an empty place of a test. Each call of open is another store on that place, as another
// process would have it.
type Opener func(t *testing.T) (open func() Kept)

// Sizes around what an adapter may treat in another way.
const (
	step  = blob.StepBytes
	small = 1 << 10
)

// Run runs the suite.
func Run(t *testing.T, place Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func() Kept){
		"what is written is read": written,
		"ranges":                  ranges,
		"parts of any size, each by another process":       parts,
		"a body that breaks off is kept as far as it came": cut,
		"a context that ends keeps what came":              ended,
		"an upload goes on from an older state":            older,
		"what is not there":                                absent,
		"keys are checked":                                 keys,
		"an upload that is not whole is no blob":           incomplete,
		"an upload is given up":                            aborted,
		"delete removes everything under a key":            deleted,
		"lists in order, page after page":                  lists,
		"no byte too much":                                 exact,
		"many at once":                                     many,
		"a reader outlives what happens beside it":         beside,
		"a store can be checked":                           checked,
		"late bytes never change what is whole":            late,
		"late parts never change what is whole":            lateParts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place(t))
		})
	}
}

// Content is the bytes of a blob: the same for the same seed, and no two stretches are alike.
func Content(seed uint64, size int) []byte {
	content := make([]byte, size)
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	_, _ = rand.NewChaCha8(key).Read(content) // never fails
	return content
}

// put writes a blob in steps of some size.
func put(t *testing.T, s Kept, key string, content []byte, by int) {
	t.Helper()
	u, err := s.Begin(t.Context(), key, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	for u.Offset < u.Size {
		end := min(int(u.Offset)+by, len(content))
		u = appended(t, s, u, content[u.Offset:end])
	}
	object, err := s.Finish(t.Context(), u)
	if err != nil || object.Key != key || object.Size != u.Size || object.ModifiedAt.IsZero() {
		t.Fatalf("finish %d bytes: %+v, %v", len(content), object, err)
	}
}

// appended writes a part, all of which must stay.
func appended(t *testing.T, s Kept, u blob.Upload, part []byte) blob.Upload {
	t.Helper()
	want := u.Offset + int64(len(part))
	u, err := s.Append(t.Context(), u, bytes.NewReader(part))
	if err != nil || u.Offset != want || len(u.State) > blob.MaxStateBytes {
		t.Fatalf("append: at %d of %d, want %d, %d bytes of state: %v", u.Offset, u.Size, want, len(u.State), err)
	}
	return u
}

// read is a range of a blob.
func read(t *testing.T, s blob.Store, key string, from, length int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key, from, length)
	if err != nil {
		t.Fatalf("open %d+%d: %v", from, length, err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %d+%d: %v", from, length, err)
	}
	return content
}

// same compares without printing megabytes.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), at)
}

func begin(t *testing.T, s Kept, size int) blob.Upload {
	t.Helper()
	u, err := s.Begin(t.Context(), blob.NewKey(), int64(size))
	if err != nil || u.Offset != 0 || u.State != "" {
		t.Fatalf("begin: %+v, %v", u, err)
	}
	return u
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want: %v", what, err, want)
	}
}

func written(t *testing.T, open func() Kept) {
	s := open()
	for i, size := range []int{0, 1, small, step - 1, step, step + 1, 2*step + small} {
		key, content := blob.NewKey(), Content(uint64(i), size)
		put(t, s, key, content, max(1, size))
		same(t, fmt.Sprintf("blob of %d bytes", size), read(t, open(), key, 0, -1), content)
		object, err := s.Stat(t.Context(), key)
		if err != nil || object.Key != key || object.Size != int64(size) || object.ModifiedAt.IsZero() {
			t.Errorf("stat of %d bytes: %+v, %v", size, object, err)
		}
	}
	content := Content(99, small)
	key := blob.NewKey()
	for range 2 {
		if object, err := blob.Put(t.Context(), s, key, content); err != nil || object.Size != small {
			t.Errorf("put, and again: %+v, %v", object, err)
		}
	}
	same(t, "small blob", read(t, s, key, 0, -1), content)
}

func ranges(t *testing.T, open func() Kept) {
	s, key, content := open(), blob.NewKey(), Content(1, 10*small)
	put(t, s, key, content, len(content))
	size := int64(len(content))
	for _, row := range []struct{ from, length int64 }{
		{0, 0},
		{0, 1},
		{0, size},
		{0, size + 5},
		{0, -1},
		{1, -1},
		{7, 100},
		{size - 1, 1},
		{size - 1, 2},
		{size - 1, -1},
		{size, 0},
		{size, 1},
		{size, -1},
		{size + 1, 1},
		{size + 100, -1},
		{5, 1<<63 - 1},
		{1 << 62, 1 << 62},
	} {
		from := min(row.from, size)
		to := size
		if row.length >= 0 && row.length < size-from {
			to = from + row.length
		}
		same(t, fmt.Sprintf("range %d+%d", row.from, row.length), read(t, s, key, row.from, row.length), content[from:to])
	}
	put(t, s, "00/"+strings.Repeat("0", 30), nil, 1)
	same(t, "nothing", read(t, s, "00/"+strings.Repeat("0", 30), 0, 10), nil)
}

func absent(t *testing.T, open func() Kept) {
	s, key := open(), blob.NewKey()
	_, err := s.Open(t.Context(), key, 0, -1)
	wants(t, "open", err, blob.ErrNotFound)
	_, err = s.Open(t.Context(), key, 5, 1)
	wants(t, "open a range", err, blob.ErrNotFound)
	_, err = s.Stat(t.Context(), key)
	wants(t, "stat", err, blob.ErrNotFound)
	for range 2 {
		wants(t, "delete", s.Delete(t.Context(), key), nil)
		wants(t, "abort", s.Abort(t.Context(), blob.Upload{Key: key, Size: 1}), nil)
	}
}

func keys(t *testing.T, open func() Kept) {
	s := open()
	for _, key := range []string{"", "..", "../x", "aa/../bb", "aa", "/etc/passwd", "aa/" + strings.Repeat("A", 30), "aa/" + strings.Repeat("a", 29) + "\n"} {
		_, err := s.Begin(t.Context(), key, 1)
		wants(t, "begin", err, blob.ErrKey)
		_, err = s.Append(t.Context(), blob.Upload{Key: key, Size: 1}, strings.NewReader("a"))
		wants(t, "append", err, blob.ErrKey)
		_, err = s.Finish(t.Context(), blob.Upload{Key: key})
		wants(t, "finish", err, blob.ErrKey)
		wants(t, "abort", s.Abort(t.Context(), blob.Upload{Key: key}), blob.ErrKey)
		_, err = s.Open(t.Context(), key, 0, -1)
		wants(t, "open", err, blob.ErrKey)
		_, err = s.Stat(t.Context(), key)
		wants(t, "stat", err, blob.ErrKey)
		wants(t, "delete", s.Delete(t.Context(), key), blob.ErrKey)
	}
	for _, size := range []int64{-1, blob.MaxBytes + 1} {
		if u, err := s.Begin(t.Context(), blob.NewKey(), size); err == nil {
			t.Errorf("a blob of %d bytes is begun: %+v", size, u)
		}
	}
}

func lists(t *testing.T, open func() Kept) {
	s := open()
	if found, err := s.List(t.Context(), "", 10); err != nil || len(found) > 0 {
		t.Fatalf("an empty store has %+v, %v", found, err)
	}
	var finished, unfinished []string
	for i := range 23 {
		key := blob.NewKey()
		if i < 3 { // of one folder
			key = "7f/" + key[3:]
		}
		put(t, s, key, Content(uint64(i), i+1), i+1)
		finished = append(finished, key)
	}
	for i := range 5 {
		size := []int{2 * small, step + small}[i%2]
		u := appended(t, s, begin(t, s, size), Content(uint64(i), size-small))
		unfinished = append(unfinished, u.Key)
	}
	for _, row := range []struct {
		name string
		list func(context.Context, string, int) ([]blob.Object, error)
		want []string
	}{{"blobs", s.List, finished}, {"unfinished", s.Unfinished, unfinished}} {
		slices.Sort(row.want)
		for _, limit := range []int{1, 4, 23, 1000} {
			var got []string
			for after := ""; ; after = got[len(got)-1] {
				page, err := row.list(t.Context(), after, limit)
				if err != nil || len(page) > limit {
					t.Fatalf("%s after %q: %d, %v", row.name, after, len(page), err)
				}
				for _, object := range page {
					if object.ModifiedAt.IsZero() {
						t.Errorf("%s: %s has no time", row.name, object.Key)
					}
					got = append(got, object.Key)
				}
				if len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("%s by %d: %q, want %q", row.name, limit, got, row.want)
			}
		}
	}
}

func exact(t *testing.T, open func() Kept) {
	s := open()
	for _, size := range []int{small, step + small} {
		content := Content(11, size+small)
		body := bytes.NewReader(content)
		u := begin(t, s, size)
		u, err := s.Append(t.Context(), u, body)
		if err != nil || u.Offset != int64(size) || body.Len() != small {
			t.Fatalf("at %d of %d, %d bytes were left: %v", u.Offset, size, body.Len(), err)
		}
		if u, err = s.Append(t.Context(), u, body); err != nil || u.Offset != int64(size) || body.Len() != small {
			t.Fatalf("more after the end: at %d, %v", u.Offset, err)
		}
		if _, err = s.Finish(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		same(t, "what fits", read(t, s, u.Key, 0, -1), content[:size])
	}
}

func many(t *testing.T, open func() Kept) {
	s := open()
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			content := Content(uint64(i), (i%3)*step/2+small+i)
			key := blob.NewKey()
			u, err := s.Begin(t.Context(), key, int64(len(content)))
			for err == nil && u.Offset < u.Size {
				u, err = s.Append(t.Context(), u, io.LimitReader(bytes.NewReader(content[u.Offset:]), step/2))
			}
			if err == nil {
				_, err = s.Finish(t.Context(), u)
			}
			if err != nil {
				t.Error(err)
				return
			}
			r, err := s.Open(t.Context(), key, 0, -1)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
			}
		})
	}
	wg.Wait()
}

func beside(t *testing.T, open func() Kept) {
	s, key, content := open(), blob.NewKey(), Content(12, step)
	put(t, s, key, content, step)
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 5 {
		put(t, s, blob.NewKey(), Content(uint64(i), small), small)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "slow reader", got, content)
}

func checked(t *testing.T, open func() Kept) {
	s := open()
	wants(t, "check", s.Check(t.Context()), nil)
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := s.Check(ctx); err == nil {
		t.Error("a check whose context has ended succeeds")
	}
	if _, err := s.Stat(ctx, blob.NewKey()); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a call whose context has ended says %v", err)
	}
}
