// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// movedHead is where a conversation stood when somebody was told last.
type movedHead struct {
	seq, rev, membersRev int64
	at                   time.Time
}

// movedHeads remembers heads that moved lately: bounded in number and age. Its user guards it.
type movedHeads struct {
	kept map[ids.ConversationID]movedHead
	// lost is the time up to which moved heads may have been forgotten because there were too many.
	lost time.Time
}

// note records a head. Numbers never go back; an unknown one is 0.
func (m *movedHeads) note(h Head, at time.Time, limit int) {
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
	var at time.Time
	for id, h := range m.kept {
		if at.IsZero() || h.at.Before(at) {
			oldest, at = id, h.at
		}
	}
	delete(m.kept, oldest)
	if m.lost.Before(at) {
		m.lost = at
	}
}

// prune forgets heads that moved before a time.
func (m *movedHeads) prune(before time.Time) {
	for id, h := range m.kept {
		if h.at.Before(before) {
			delete(m.kept, id)
		}
	}
	if len(m.kept) == 0 {
		m.kept = nil
	}
}

// since adds the heads that moved at or after a time to a set. It is false if some may have been
// forgotten.
func (m *movedHeads) since(t time.Time, into map[ids.ConversationID]Head) bool {
	for id, h := range m.kept {
		if h.at.Before(t) {
			continue
		}
		old := into[id]
		into[id] = Head{
			Conversation: id, Seq: max(old.Seq, h.seq), Rev: max(old.Rev, h.rev), MembersRev: max(old.MembersRev, h.membersRev),
		}
	}
	return m.lost.Before(t) || m.lost.IsZero()
}

// syncState is what a session knows of its client's cursor. The session guards it.
type syncState struct {
	client   string    // the cursor that the client showed last
	clientAt time.Time // everything that moved before was announced with it
	// checked is the cursor of the next comparison. The server has told everything up to it, so a pong may
	// hand it out.
	checked   string
	checkedAt time.Time
	next      time.Time  // when heads are compared again
	told      movedHeads // told by resumed or resync, beyond what was pushed
	behind    bool       // more heads moved than one answer holds: the client must call Sync
}

// shown notes the cursor of a ping.
func (y *syncState) shown(cursor string, now time.Time, memory time.Duration) {
	switch cursor {
	case y.client:
		return
	case y.checked:
		y.clientAt = y.checkedAt
	default:
		// Not from this session. What it covers is not known, so all that is remembered is announced.
		y.clientAt = now.Add(-memory)
		y.checked, y.checkedAt = cursor, y.clientAt
	}
	y.client, y.behind = cursor, false
}

// answered notes an answer to the cursor that was asked at a time.
func (y *syncState) answered(h Heads, at time.Time, limit int) {
	for _, head := range h.Heads {
		y.told.note(head, at.Add(-time.Millisecond), limit)
	}
	y.checked, y.checkedAt = h.Cursor, at
	y.behind = !h.Complete
}

// offer is the cursor for a pong, and the time from which on heads must be announced with it.
func (y *syncState) offer() (cursor string, since time.Time) {
	if y.behind || y.checked == "" {
		return y.client, y.clientAt
	}
	return y.checked, y.clientAt
}
