// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// removalRace removes a member who keeps sending. What was stored has a place before the removal, and what
// comes after it is refused; a message above the end of the interval would be one by a stranger.
func (s suite) removalRace(t *testing.T) {
	const rounds = 5
	for range rounds {
		id, list := s.group(t, 4)
		owner, target := list[0], list[1]
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				committed, err := s.tryAppend(t.Context(), start, NewDraft(target, id, "x"), NewDraft(owner, id, "y"))
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				if r := committed.Results[0]; r.Err != nil && !errors.Is(r.Err, message.ErrNotFound) {
					t.Errorf("send: %v", r.Err)
				}
				if r := committed.Results[1]; r.Err != nil {
					t.Errorf("send of the owner: %v", r.Err)
				}
			})
		}
		wg.Go(func() {
			if _, err := s.store.ChangeGroup(t.Context(), action(id, owner, message.UserRemoved, start, target)); err != nil {
				t.Errorf("remove: %v", err)
			}
		})
		wg.Wait()
		c := s.seen(t, id, target)
		end := c.Members[0].LeftSeq
		for i, m := range s.read(t, id, 1, 99) {
			if m.Seq != int64(i+1) || m.Sender == target && m.Seq > end {
				t.Errorf("message %d of %s at %d, the sender left at %d", i+1, m.Sender, m.Seq, end)
			}
		}
	}
}

func (s suite) adminRace(t *testing.T) {
	id, list := s.group(t, 4)
	admins := list[1:3]
	for _, admin := range admins {
		a := action(id, list[0], message.RoleChanged, start, admin)
		a.Role = message.RoleAdmin
		s.act(t, a)
	}
	var (
		wg   sync.WaitGroup
		lost atomic.Int32
	)
	for i, admin := range admins {
		wg.Go(func() {
			_, err := s.store.ChangeGroup(t.Context(), action(id, admin, message.UserRemoved, start, admins[1-i]))
			if errors.Is(err, message.ErrNotFound) {
				lost.Add(1)
			} else if err != nil {
				t.Errorf("remove: %v", err)
			}
		})
	}
	wg.Wait()
	members, err := s.store.Members(t.Context(), message.MembersQuery{Conversation: id, Limit: 9})
	if err != nil || len(members) != 3 || lost.Load() != 1 {
		t.Errorf("%d members, %d removals lost, %v", len(members), lost.Load(), err)
	}
	if c := s.seen(t, id, list[0]); c.MemberCount != 3 {
		t.Errorf("%d members are counted", c.MemberCount)
	}
}

// fullRace fills a group up to forty below its limit; ten calls of ten more cannot all succeed.
func (s suite) fullRace(t *testing.T) {
	id, list := s.group(t, 3)
	for n := 3; n < message.MaxGroupMembers-40; {
		more := min(message.MaxGroupUsers, message.MaxGroupMembers-40-n)
		s.act(t, action(id, list[0], message.UsersJoined, start, users(more)...))
		n += more
	}
	var (
		wg   sync.WaitGroup
		full atomic.Int32
	)
	for range 10 {
		wg.Go(func() {
			_, err := s.store.ChangeGroup(t.Context(), action(id, list[0], message.UsersJoined, start, users(10)...))
			if errors.Is(err, message.ErrGroupFull) {
				full.Add(1)
			} else if err != nil {
				t.Errorf("add: %v", err)
			}
		})
	}
	wg.Wait()
	audience, err := s.store.Audience(t.Context(), message.AudienceQuery{Conversation: id, MembersRev: 1_000})
	if err != nil || full.Load() != 6 || len(audience) != message.MaxGroupMembers {
		t.Errorf("%d members, %d calls refused, %v", len(audience), full.Load(), err)
	}
	if c := s.seen(t, id, list[0]); c.MemberCount != message.MaxGroupMembers {
		t.Errorf("%d members are counted", c.MemberCount)
	}
	if _, err := s.store.ChangeGroup(t.Context(), action(id, list[0], message.UsersJoined, start, ids.NewUser())); !errors.Is(err, message.ErrGroupFull) {
		t.Errorf("one more: %v", err)
	}
}
