// SPDX-License-Identifier: Apache-2.0

package transmit

import (
	"container/list"
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
)

// crowdFrom is the size from which a list is kept shared out by home pod too: working that out for each
// message costs more than all the rest.
const crowdFrom = 501

// maxCachedMembers bounds the lists that are kept, by their ids: 16 MB. Chosen; no evidence.
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
	// Of a crowd: its shares in a ring.
	epoch  uint64
	shares []share
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
	return e.Value.(*entry).members, true //nolint:forcetypeassert // put adds nothing else
}

func (m *memberships) put(which Membership, members []ids.UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[which]; ok {
		return
	}
	m.known[which] = m.used.PushFront(&entry{membership: which, members: members})
	m.left -= cost(members)
	for m.left < 0 {
		oldest := m.used.Back()
		gone := m.used.Remove(oldest).(*entry) //nolint:forcetypeassert // put adds nothing else
		delete(m.known, gone.membership)
		m.left += cost(gone.members)
	}
}

// shares answers a crowd that is kept, shared out by home pod; false for a smaller list, and one that is not
// kept. It works that out once for each state of the ring.
func (m *memberships) shares(which Membership, view View) ([]share, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[which]
	if !ok {
		return nil, false
	}
	kept := e.Value.(*entry) //nolint:forcetypeassert // put adds nothing else
	if len(kept.members) < crowdFrom {
		return nil, false
	}
	if kept.shares == nil || kept.epoch != view.Epoch() {
		kept.shares, kept.epoch = split(view, kept.members), view.Epoch()
	}
	return kept.shares, true
}

// cost of a list; the entry itself counts as a few members, and a crowd is kept twice.
func cost(members []ids.UserID) int {
	if len(members) >= crowdFrom {
		return 2*len(members) + 10
	}
	return len(members) + 10
}
