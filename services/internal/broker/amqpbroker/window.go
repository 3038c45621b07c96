// SPDX-License-Identifier: Apache-2.0

package amqpbroker

// window holds the messages of a channel that wait for their confirm. It belongs to one goroutine.
type window struct {
	last    uint64 // delivery tag of the newest; the broker counts from 1 on each channel
	entries map[uint64]*windowEntry
	byID    map[string]*windowEntry
}

type windowEntry struct {
	pub      *publication
	id       string
	returned bool // no queue took it
}

func newWindow() *window {
	return &window{entries: map[uint64]*windowEntry{}, byID: map[string]*windowEntry{}}
}

func (w *window) full() bool  { return len(w.entries) >= maxOutstanding }
func (w *window) empty() bool { return len(w.entries) == 0 }

// add gives the next message its tag, the one that the library gives it too.
func (w *window) add(id string, pub *publication) {
	w.last++
	e := &windowEntry{pub: pub, id: id}
	w.entries[w.last], w.byID[id] = e, e
}

func (w *window) returned(id string) {
	if e, ok := w.byID[id]; ok {
		e.returned = true
	}
}

// take removes a message, nil if the tag is unknown.
func (w *window) take(tag uint64) (pub *publication, returned bool) {
	e, ok := w.entries[tag]
	if !ok {
		return nil, false
	}
	delete(w.entries, tag)
	delete(w.byID, e.id)
	return e.pub, e.returned
}

// rest empties the window, in the order in which it was filled.
func (w *window) rest() []*publication {
	var list []*publication
	for tag := uint64(1); tag <= w.last && len(w.entries) > 0; tag++ {
		if pub, _ := w.take(tag); pub != nil && pub.ctx.Err() == nil {
			list = append(list, pub)
		}
	}
	return list
}
