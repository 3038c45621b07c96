// SPDX-License-Identifier: Apache-2.0

package transmit

import (
	"container/list"
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxCachedMembers bounds the lists that are kept, by their members: 16 MB of ids. Chosen; no evidence.
const maxCachedMembers = 1_000_000

// memberships keeps lists of members; a version never changes, so none grows old. Beyond its bound the
// list that was longest unused goes. It is safe for concurrent use.
type memberships struct {
	mu    sync.Mutex // guards what follows
	left  int
	known map[Membership]*list.Element
	used  *list.List // of entry, the last used in front
}

type entry struct {
	membership Membership
	members    []ids.UserID
}

func newMemberships(limit int) *memberships {
	return &memberships{left: limit, known: map[Membership]*list.Element{}, used: list.New()}
}

func (m *memberships) get(which Membership) ([]ids.UserID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[which]
	if !ok {
		return nil, false
	}
	m.used.MoveToFront(e)
	return e.Value.(entry).members, true //nolint:forcetypeassert // put adds nothing else
}

func (m *memberships) put(which Membership, members []ids.UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[which]; ok {
		return
	}
	m.known[which] = m.used.PushFront(entry{which, members})
	m.left -= cost(members)
	for m.left < 0 {
		oldest := m.used.Back()
		gone := m.used.Remove(oldest).(entry) //nolint:forcetypeassert // put adds nothing else
		delete(m.known, gone.membership)
		m.left += cost(gone.members)
	}
}

// cost of a list; the entry itself counts as a few members.
func cost(members []ids.UserID) int { return len(members) + 10 }
