// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

var errRefused = errors.New("refused")

// give gives an account a role, whatever it may.
func give(t *testing.T, s Storage, session user.LoginSession, role user.Role) {
	t.Helper()
	if err := s.Act(t.Context(), actOn(session, session.UserID), setRole(role)); err != nil {
		t.Fatal(err)
	}
}

func actOn(session user.LoginSession, target ids.UserID) user.Act {
	return user.Act{Actor: user.Caller{UserID: session.UserID, SessionID: session.ID}, Target: target}
}

func setRole(role user.Role) func(user.Scene) (*user.Rewriting, error) {
	return func(scene user.Scene) (*user.Rewriting, error) {
		record := scene.Target
		record.Role = role
		return &user.Rewriting{Record: record, At: 5}, nil
	}
}

func testAct(t *testing.T, s Storage) {
	a, b := newAccount("ann", "ann"), newAccount("ben", "ben")
	ann, ben := create(t, s, a), create(t, s, b)
	if has, err := s.HasOwner(t.Context()); err != nil || has {
		t.Errorf("an owner at first: %t, %v", has, err)
	}
	give(t, s, ann, user.Owner)
	give(t, s, ben, user.Moderator)
	err := s.Act(t.Context(), actOn(ann, ben.UserID), func(scene user.Scene) (*user.Rewriting, error) {
		record := user.Record{Credentials: b.Credentials, Role: user.Moderator}
		if diff := cmp.Diff(record, scene.Target) + cmp.Diff([]user.LoginSession{ben}, scene.Sessions); diff != "" {
			t.Errorf("target (-want +got):\n%s", diff)
		}
		if len(scene.Staff) != 2 || !scene.ActorLive || scene.Link != nil {
			t.Errorf("scene %+v", scene)
		}
		record.Role, record.SuspendedUntil = user.Auditor, math.MaxInt64
		return &user.Rewriting{
			Record: record, At: 70, Endings: []user.Ending{{ID: ben.ID, Reason: user.Suspended}},
			Audit: &user.AuditEntry{ID: ids.NewAuditEntry(), At: 70, Actor: ann.UserID, Action: "banned", Target: ben.UserID},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []user.AccountState{{Account: b.Account, Role: user.Auditor, SuspendedUntil: math.MaxInt64}}
	states, err := s.States(t.Context(), []ids.UserID{ben.UserID, ids.NewUser()})
	if err != nil || !cmp.Equal(want, states) {
		t.Errorf("state: %v (-want +got):\n%s", err, cmp.Diff(want, states))
	}
	want = []user.AccountState{{Account: a.Account, Role: user.Owner, Sessions: 1, LastUsedAt: ann.LastUsedAt}}
	states, err = s.States(t.Context(), []ids.UserID{ann.UserID})
	if err != nil || !cmp.Equal(want, states) {
		t.Errorf("state: %v (-want +got):\n%s", err, cmp.Diff(want, states))
	}
	checkAfterAct(t, s, ann, ben)
}

func checkAfterAct(t *testing.T, s Storage, ann, ben user.LoginSession) {
	t.Helper()
	record, err := s.Record(t.Context(), ben.UserID)
	if err != nil || record.Role != user.Auditor || record.SuspendedUntil != math.MaxInt64 {
		t.Errorf("record %+v, %v", record, err)
	}
	role, err := s.RoleOf(t.Context(), ben.UserID)
	nobody, nobodyErr := s.RoleOf(t.Context(), ids.NewUser())
	has, ownerErr := s.HasOwner(t.Context())
	if role != user.Auditor || nobody != user.Member || !has || errors.Join(err, nobodyErr, ownerErr) != nil {
		t.Errorf("role %v, of nobody %v, an owner: %t; %v", role, nobody, has, errors.Join(err, nobodyErr, ownerErr))
	}
	for what, act := range map[string]user.Act{
		"an actor whose session ended": actOn(ben, ann.UserID),
		"a session of somebody else":   {Actor: user.Caller{UserID: ann.UserID, SessionID: ben.ID}, Target: ann.UserID},
	} {
		err := s.Act(t.Context(), act, func(scene user.Scene) (*user.Rewriting, error) {
			if scene.ActorLive {
				t.Errorf("%s counts as live", what)
			}
			return nil, errRefused
		})
		if !errors.Is(err, errRefused) {
			t.Errorf("%s: %v, want the error of decide", what, err)
		}
	}
	if err := s.Act(t.Context(), actOn(ann, ids.NewUser()), setRole(user.Owner)); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("on an unknown account: %v, want ErrNotFound", err)
	}
	refuse := func(until int64, _ []user.LoginSession) (user.Opening, error) {
		if until != math.MaxInt64 {
			t.Errorf("a login sees a suspension until %d", until)
		}
		return user.Opening{}, errRefused
	}
	if err := s.Open(t.Context(), newSession(ben.UserID, 80), 0, refuse); !errors.Is(err, errRefused) {
		t.Errorf("login: %v, want the error of decide", err)
	}
	err = s.Act(t.Context(), actOn(ann, ann.UserID), func(scene user.Scene) (*user.Rewriting, error) {
		gone := user.Record{DeletedAt: 90}
		gone.Account = user.Account{ID: ann.UserID, Nickname: "gone", CreatedAt: 1000, Deleted: true}
		return &user.Rewriting{Record: gone, At: 90, Retired: &user.RetiredUsername{Username: scene.Target.Account.Username, BlockedUntil: 99}}, nil
	})
	has, ownerErr = s.HasOwner(t.Context())
	if role, err2 := s.RoleOf(t.Context(), ann.UserID); errors.Join(err, err2, ownerErr) != nil || role != user.Member || has {
		t.Errorf("role of a deleted account: %v, an owner: %t, %v", role, has, errors.Join(err, err2, ownerErr))
	}
}

// A session is opened before the suspension, which ends it, or after, and then it is not.
func testBanRace(t *testing.T, s Storage) {
	owner := create(t, s, newAccount("owner", "owner"))
	give(t, s, owner, user.Owner)
	for i := range 10 {
		a := newAccount(fmt.Sprintf("user%d", i), "x")
		create(t, s, a)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				err := s.Open(t.Context(), newSession(a.Account.ID, 10), 0, func(until int64, _ []user.LoginSession) (user.Opening, error) {
					if until > 10 {
						return user.Opening{}, errRefused
					}
					return user.Opening{}, nil
				})
				if err != nil && !errors.Is(err, errRefused) {
					t.Errorf("login: %v", err)
				}
			})
		}
		wg.Go(func() {
			err := s.Act(t.Context(), actOn(owner, a.Account.ID), func(scene user.Scene) (*user.Rewriting, error) {
				record := scene.Target
				record.SuspendedUntil = math.MaxInt64
				r := &user.Rewriting{Record: record, At: 10}
				for _, l := range scene.Sessions {
					r.Endings = append(r.Endings, user.Ending{ID: l.ID, Reason: user.Suspended})
				}
				return r, nil
			})
			if err != nil {
				t.Errorf("suspend: %v", err)
			}
		})
		wg.Wait()
		if live, err := s.List(t.Context(), a.Account.ID); err != nil || len(live) != 0 {
			t.Errorf("%d sessions survive a suspension, %v", len(live), err)
		}
	}
}

func testOwnerRace(t *testing.T, s Storage) {
	for i := range 10 {
		a := create(t, s, newAccount(fmt.Sprintf("ann%d", i), "x"))
		b := create(t, s, newAccount(fmt.Sprintf("ben%d", i), "x"))
		give(t, s, a, user.Owner)
		give(t, s, b, user.Owner)
		demote := func(actor, target user.LoginSession) {
			err := s.Act(t.Context(), actOn(actor, target.UserID), func(scene user.Scene) (*user.Rewriting, error) {
				owners := 0
				for _, m := range scene.Staff {
					if m.Role == user.Owner {
						owners++
					}
				}
				if owners < 2 {
					return nil, errRefused
				}
				return setRole(user.Member)(scene)
			})
			if err != nil && !errors.Is(err, errRefused) {
				t.Errorf("take away a role: %v", err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { demote(a, b) })
		wg.Go(func() { demote(b, a) })
		wg.Go(func() { demote(a, a) })
		wg.Wait()
		first, err := s.RoleOf(t.Context(), a.UserID)
		second, err2 := s.RoleOf(t.Context(), b.UserID)
		if errors.Join(err, err2) != nil || (first == user.Owner) == (second == user.Owner) {
			t.Errorf("roles %v and %v remain, %v; want one owner", first, second, errors.Join(err, err2))
		}
		give(t, s, a, user.Member)
		give(t, s, b, user.Member)
	}
}

func testLink(t *testing.T, s Storage) {
	var people []user.LoginSession
	for i := range 5 {
		people = append(people, create(t, s, newAccount(fmt.Sprintf("user%d", i), "x")))
	}
	older, newer := user.Link{Hash: user.TokenHash{1}, ExpiresAt: 100}, user.Link{Hash: user.TokenHash{2}, ExpiresAt: 200}
	for _, link := range []user.Link{older, newer} {
		entry := user.AuditEntry{ID: ids.NewAuditEntry(), At: 1, Action: "link"}
		if err := s.KeepLink(t.Context(), link, entry); err != nil {
			t.Fatal(err)
		}
	}
	if log, err := s.Entries(t.Context(), user.AuditQuery{Limit: 9}); err != nil || len(log) != 2 {
		t.Errorf("audit log %v, %v; want two entries", log, err)
	}
	claim := func(who user.LoginSession, link user.Link) error {
		act := actOn(who, who.UserID)
		act.Link = &link.Hash
		return s.Act(t.Context(), act, func(scene user.Scene) (*user.Rewriting, error) {
			if scene.Link == nil {
				return nil, errRefused
			}
			if *scene.Link != newer {
				t.Errorf("link %+v", *scene.Link)
			}
			return setRole(user.Owner)(scene)
		})
	}
	if err := claim(people[0], older); !errors.Is(err, errRefused) {
		t.Errorf("an older link: %v", err)
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for _, who := range people {
		wg.Go(func() {
			switch err := claim(who, newer); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, errRefused):
				t.Errorf("claim: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claimed the link, want 1", won.Load())
	}
}
