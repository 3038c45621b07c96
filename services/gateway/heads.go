// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"math"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// movedHead is where a conversation stood when somebody was told last.
type movedHead struct {
	seq, rev, membersRev int64
	at                   time.Duration // an instant of the Hub
}

// movedHeads remembers heads that moved lately: bounded in number and age. Its user guards it.
type movedHeads struct {
	kept map[ids.ConversationID]movedHead
	// lost is the instant up to which moved heads may have been forgotten because there were too many.
	lost time.Duration
}

// note records a head. Numbers never go back; an unknown one is 0.
func (m *movedHeads) note(h Head, at time.Duration, limit int) {
	if m.kept == nil {
		m.kept = map[ids.ConversationID]movedHead{}
	}
	old, known := m.kept[h.Conversation]
	if !known && len(m.kept) >= limit {
		m.forgetOldest()
	}
	m.kept[h.Conversation] = movedHead{
		seq: max(old.seq, h.Seq), rev: max(old.rev, h.Rev), membersRev: max(old.membersRev, h.MembersRev), at: at,
	}
}

func (m *movedHeads) forgetOldest() {
	var oldest ids.ConversationID
	at := time.Duration(math.MaxInt64)
	for id, h := range m.kept {
		if h.at < at {
			oldest, at = id, h.at
		}
	}
	delete(m.kept, oldest)
	m.lost = max(m.lost, at)
}

// prune forgets heads that moved before an instant.
func (m *movedHeads) prune(before time.Duration) {
	for id, h := range m.kept {
		if h.at < before {
			delete(m.kept, id)
		}
	}
	if len(m.kept) == 0 {
		m.kept = nil
	}
}

// since adds the heads that moved at or after an instant to a set. It is false if some may have been
// forgotten.
func (m *movedHeads) since(t time.Duration, into map[ids.ConversationID]Head) bool {
	for id, h := range m.kept {
		if h.at < t {
			continue
		}
		old := into[id]
		into[id] = Head{
			Conversation: id, Seq: max(old.Seq, h.seq), Rev: max(old.Rev, h.rev), MembersRev: max(old.MembersRev, h.membersRev),
		}
	}
	return m.lost == 0 || m.lost < t
}

// syncState is what a session knows of its client's cursor. The session guards it.
type syncState struct {
	client   string        // the cursor that the client showed last
	clientAt time.Duration // everything that moved before was announced with it
	// checked is the cursor of the next comparison. The server has told everything up to it, so a pong may
	// hand it out.
	checked   string
	checkedAt time.Duration
	next      time.Duration // when heads are compared again
	told      movedHeads    // told by resumed or resync, beyond what was pushed
	doubt     *ResyncReason // heads must be compared once the answer to resume is there
	behind    bool          // more heads moved than one answer holds: the client must call Sync
}

// shown notes the cursor of a ping.
func (y *syncState) shown(cursor string, now, memory time.Duration) {
	switch cursor {
	case y.client:
		return
	case y.checked:
		y.clientAt = y.checkedAt
	default:
		// From a call that the client made, a moment ago. A part of what is remembered is announced, more than
		// it can lack, and little enough to be remembered until the next comparison gives a cursor of our own.
		y.clientAt = now - memory/3
		y.checked, y.checkedAt = cursor, y.clientAt
	}
	y.client, y.behind = cursor, false
}

// answered notes an answer; told and asked are instants before the question, in this order, so that what
// the answer told counts as older than its cursor.
func (y *syncState) answered(h Heads, told, asked time.Duration, limit int) {
	for _, head := range h.Heads {
		y.told.note(head, told, limit)
	}
	y.checked, y.checkedAt = h.Cursor, asked
	y.behind = !h.Complete
}

// offer is the cursor for a pong, and the instant from which on heads must be announced with it.
func (y *syncState) offer() (cursor string, since time.Duration) {
	if y.behind || y.checked == "" {
		return y.client, y.clientAt
	}
	return y.checked, y.clientAt
}
