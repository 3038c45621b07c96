// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"sync/atomic"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxResyncs is how many conversations are told one by one to pull before one resync stands for all;
// chosen.
const maxResyncs = 8

// item is one encoded frame that waits in a session queue.
type item struct {
	data         []byte
	class        Class
	conversation ids.ConversationID
	reader       ids.UserID         // of a marker
	marked       ids.ConversationID // of a marker
	seq          int64
	presence     bool // how somebody is
	resync       bool // stands for what was dropped of conversation, or of all if that is zero
}

// queue is the session queue: bounded by bytes and frames. Overflow is never silent: what is dropped of
// durable frames is replaced by a resync. The session guards it.
type queue struct {
	maxBytes, maxFrames int
	items               []item
	bytes               int // of items, and of what is being written
	writing             int // bytes
	dropped             int64
	presenceLost        bool          // the session was not told how somebody is
	relieved            *atomic.Int64 // frames that gave way, in all queues; nil: not counted
	// resync encodes the frame that tells a client to pull.
	resync func(conversation ids.ConversationID, from int64) []byte
}

// push adds a frame. It is false if answers pile up beyond all measure: the client asks and does not
// read.
func (q *queue) push(it item) bool {
	if it.class != ClassControl && q.covered(it) {
		return true
	}
	if it.class == ClassMarker && q.coalesce(it) {
		return true
	}
	if !q.fits(it, 1) {
		q.drop(func(old item) bool {
			if old.class == ClassEphemeral {
				q.relieve(old)
			}
			return old.class == ClassEphemeral
		})
	}
	switch {
	case q.fits(it, 1):
		q.append(it)
		return true
	case it.class == ClassEphemeral:
		q.relieve(it)
		return true
	case it.class == ClassControl:
		return q.pushAnswer(it)
	default:
		q.overflow(it)
		return true
	}
}

// relieve counts a frame that gives way: typing and presence go first.
func (q *queue) relieve(it item) {
	q.presenceLost = q.presenceLost || it.presence
	if q.relieved != nil {
		q.relieved.Add(1)
	}
}

// pushAnswer keeps answers beyond the bound, up to twice of it: they are promises, and their number is
// bounded by what a client may ask.
func (q *queue) pushAnswer(it item) bool {
	if !q.fits(it, 2) {
		return false
	}
	q.append(it)
	return true
}

// covered tells that a resync which already waits stands for the frame too. Nobody pulls how people are.
func (q *queue) covered(it item) bool {
	return !it.presence && slices.ContainsFunc(q.items, func(old item) bool {
		return old.resync && (old.conversation.IsZero() || old.conversation == it.conversation)
	})
}

// coalesce replaces an older marker of the same reader and conversation. One that comes late is older itself:
// a marker never moves back.
func (q *queue) coalesce(it item) bool {
	for i := range q.items {
		old := &q.items[i]
		if old.class == ClassMarker && old.marked == it.marked && old.reader == it.reader {
			if it.seq < old.seq {
				return true
			}
			q.bytes += len(it.data) - len(old.data)
			old.data, old.seq = it.data, it.seq
			return true
		}
	}
	return false
}

// overflow drops what waits of the frame's conversation, or everything that is no answer, and asks the
// client to pull instead.
func (q *queue) overflow(it item) {
	if !it.conversation.IsZero() && q.resyncs() < maxResyncs {
		from := it.seq
		q.drop(func(old item) bool {
			if old.class == ClassControl || old.conversation != it.conversation {
				return false
			}
			if old.seq > 0 && (from == 0 || old.seq < from) {
				from = old.seq
			}
			return true
		})
		replacement := item{data: q.resync(it.conversation, from), conversation: it.conversation, resync: true}
		if q.fits(replacement, 1) {
			q.append(replacement)
			return
		}
	}
	q.drop(func(old item) bool { return old.class != ClassControl || old.resync })
	q.append(item{data: q.resync(ids.ConversationID{}, 0), resync: true})
}

func (q *queue) resyncs() (n int) {
	for i := range q.items {
		if q.items[i].resync {
			n++
		}
	}
	return n
}

func (q *queue) fits(it item, times int) bool {
	return len(q.items) < times*q.maxFrames && q.bytes+len(it.data) <= times*q.maxBytes
}

func (q *queue) append(it item) {
	q.items = append(q.items, it)
	q.bytes += len(it.data)
}

func (q *queue) drop(which func(item) bool) {
	before := len(q.items)
	q.items = slices.DeleteFunc(q.items, func(old item) bool {
		if which(old) {
			q.bytes -= len(old.data)
			return true
		}
		return false
	})
	q.dropped += int64(before - len(q.items))
}

// take removes frames from the front, up to limit bytes but at least one. Their bytes count until
// written.
func (q *queue) take(limit int) [][]byte {
	var batch [][]byte
	size, n := 0, 0
	for n < len(q.items) && (n == 0 || size+len(q.items[n].data) <= limit) {
		size += len(q.items[n].data)
		batch = append(batch, q.items[n].data)
		n++
	}
	q.items = slices.Delete(q.items, 0, n)
	if len(q.items) == 0 && cap(q.items) > 16 {
		q.items = nil // an idle session keeps no memory of a busy hour
	}
	q.writing = size
	return batch
}

// written gives back the bytes of the last take.
func (q *queue) written() {
	q.bytes -= q.writing
	q.writing = 0
}
