// SPDX-License-Identifier: Apache-2.0

package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
)

// historySteps is how long a random history is.
const historySteps = 60

// Histories runs random histories of blobs and uploads against a store and against a model of it. In them
// processes die before they note what they have written, bodies break off, and others take over.
func Histories(t *testing.T, place Opener, seeds int) {
	t.Helper()
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			open := place(t)
			h := &history{
				t: t, open: open, store: open(), random: rand.New(rand.NewPCG(uint64(seed), 1)),
				whole: map[string][]byte{}, writes: map[string]*write{},
			}
			for range historySteps {
				h.step()
			}
			h.compare()
		})
	}
}

// history is a model of what a store holds.
type history struct {
	t      *testing.T
	open   func() Kept
	store  Kept
	random *rand.Rand
	whole  map[string][]byte
	writes map[string]*write
}

// write is an upload, with what of it was saved: a process may die at any time and leave an older state.
type write struct {
	content []byte
	saved   []blob.Upload
}

func (w *write) last() blob.Upload { return w.saved[len(w.saved)-1] }

func (h *history) step() {
	switch n := h.random.IntN(20); {
	case n < 3:
		h.begin()
	case n < 12:
		h.append()
	case n == 12:
		h.store = h.open()
	case n == 13:
		h.die()
	case n < 16:
		h.finish()
	case n == 16:
		h.abort()
	case n == 17:
		h.remove()
	default:
		h.read()
	}
}

// pick one of a map by chance, the same one for the same seed.
func pick[V any](h *history, from map[string]V, order func(string) string) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	keys := slices.SortedFunc(maps.Keys(from), func(a, b string) int { return bytes.Compare([]byte(order(a)), []byte(order(b))) })
	return keys[h.random.IntN(len(keys))], true
}

func (h *history) pickWrite() (*write, bool) {
	key, ok := pick(h, h.writes, func(key string) string { return string(h.writes[key].content[:min(64, len(h.writes[key].content))]) })
	return h.writes[key], ok
}

func (h *history) pickWhole() (string, bool) {
	return pick(h, h.whole, func(key string) string { return string(h.whole[key][:min(64, len(h.whole[key]))]) })
}

func (h *history) begin() {
	sizes := []int{h.random.IntN(2), h.random.IntN(3000), step - h.random.IntN(2), step + h.random.IntN(3000), 2*step + h.random.IntN(3)}
	size := sizes[h.random.IntN(len(sizes))]
	u := begin(h.t, h.store, size)
	h.writes[u.Key] = &write{content: Content(h.random.Uint64(), size), saved: []blob.Upload{u}}
}

func (h *history) append() {
	w, ok := h.pickWrite()
	if !ok {
		return
	}
	u := w.last()
	rest := w.content[u.Offset:]
	n := len(rest)
	if h.random.IntN(3) > 0 {
		n = h.random.IntN(n + 1)
	}
	var body io.Reader = bytes.NewReader(rest[:n])
	broken := n < len(rest) && h.random.IntN(2) == 0
	if broken {
		body = cutAt(rest, n)
	}
	want := u.Offset + int64(n)
	u, err := h.store.Append(h.t.Context(), u, body)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		// A process that died had a later part than the state that is gone on from now.
		if u.Offset > w.last().Offset {
			h.t.Fatalf("lost, and further: %d of %d", u.Offset, w.last().Offset)
		}
	case broken != errors.Is(err, blob.ErrCut), !broken && err != nil, u.Offset != want:
		h.t.Fatalf("append of %d bytes: at %d, want %d, broken %t: %v", n, u.Offset, want, broken, err)
	}
	w.saved = append(w.saved, u)
}

// die leaves an older state of an upload than the last.
func (h *history) die() {
	if w, ok := h.pickWrite(); ok {
		w.saved = w.saved[:1+h.random.IntN(len(w.saved))]
		h.store = h.open()
	}
}

func (h *history) finish() {
	w, ok := h.pickWrite()
	if !ok {
		return
	}
	u := w.last()
	object, err := h.store.Finish(h.t.Context(), u)
	if u.Offset < u.Size {
		wants(h.t, "finish too early", err, blob.ErrIncomplete)
		return
	}
	if err != nil || object.Size != u.Size {
		h.t.Fatalf("finish %d bytes: %+v, %v", u.Size, object, err)
	}
	h.whole[u.Key] = w.content
	delete(h.writes, u.Key)
}

func (h *history) abort() {
	w, ok := h.pickWrite()
	if !ok || w.last().Offset == w.last().Size {
		return
	}
	u := w.last()
	wants(h.t, "abort", h.store.Abort(h.t.Context(), u), nil)
	wants(h.t, "delete after abort", h.store.Delete(h.t.Context(), u.Key), nil)
	delete(h.writes, u.Key)
}

func (h *history) remove() {
	if key, ok := h.pickWhole(); ok {
		wants(h.t, "delete", h.store.Delete(h.t.Context(), key), nil)
		delete(h.whole, key)
	}
}

func (h *history) read() {
	key, ok := h.pickWhole()
	if !ok {
		return
	}
	content := h.whole[key]
	from := h.random.IntN(len(content) + 2)
	length := h.random.IntN(len(content) + 2)
	begin := min(from, len(content))
	same(h.t, "a range", read(h.t, h.store, key, int64(from), int64(length)), content[begin:min(begin+length, len(content))])
}

// compare: the store has what the model has, and all of it.
func (h *history) compare() {
	h.t.Helper()
	store := h.open()
	// What processes that died have left behind goes, and nothing else.
	left, err := store.Unfinished(h.t.Context(), "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, object := range left {
		if h.writes[object.Key] == nil && h.whole[object.Key] == nil {
			h.t.Errorf("a write of %s should not be there", object.Key)
		}
		if h.writes[object.Key] == nil {
			wants(h.t, "abort of what was left", store.Abort(h.t.Context(), blob.Upload{Key: object.Key}), nil)
		}
	}
	for key, content := range h.whole {
		same(h.t, "at the end", read(h.t, store, key, 0, -1), content)
	}
	if left, err = store.Unfinished(h.t.Context(), "", 1000); err != nil {
		h.t.Fatal(err)
	}
	for _, object := range left {
		if h.writes[object.Key] == nil {
			h.t.Errorf("a write of %s is still there", object.Key)
		}
	}
	found, err := store.List(h.t.Context(), "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, object := range found {
		if content, ok := h.whole[object.Key]; ok && int64(len(content)) == object.Size {
			delete(h.whole, object.Key)
		} else if h.writes[object.Key] == nil { // all of its bytes may be there
			h.t.Errorf("%+v should not be there", object)
		}
	}
	if len(h.whole) > 0 {
		h.t.Errorf("%d blobs are missing in the list", len(h.whole))
	}
}
