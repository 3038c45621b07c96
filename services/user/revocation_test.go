// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func since(t *testing.T, s *user.Service, position string) user.RevocationPage {
	t.Helper()
	page, err := s.Revocations().Since(position)
	if err != nil {
		t.Fatalf("since: %v", err)
	}
	return page
}

func poll(t *testing.T, s *user.Service) {
	t.Helper()
	if err := s.Revocations().Poll(t.Context()); err != nil {
		t.Fatalf("poll: %v", err)
	}
}

func has(p user.RevocationPage, id ids.LoginSessionID) bool {
	for _, r := range p.Revocations {
		if r.SessionID == id {
			return true
		}
	}
	return false
}

func revoke(t *testing.T, f *usertest.Fixture, l user.Login) {
	t.Helper()
	if err := f.RevokeSession(t.Context(), l.Account.ID, l.Session.ID); err != nil {
		t.Fatal(err)
	}
}

func TestF5_ARevocationIsListedAtOnceHereAndAfterAPollElsewhere(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login, other := f.Person(t, "ann", "Ann"), f.Pod()
	poll(t, f.Service)
	poll(t, other)
	here, there := since(t, f.Service, ""), since(t, other, "")
	f.Clock.Advance(time.Minute)
	revoke(t, f, login)
	if page := since(t, f.Service, here.Position); !has(page, login.Session.ID) || page.Reset {
		t.Errorf("the pod that revoked answers %+v, want the revocation and no reset", page)
	}
	if page := since(t, other, there.Position); has(page, login.Session.ID) {
		t.Error("the other pod knows before it polled")
	}
	poll(t, other)
	page := since(t, other, there.Position)
	if !has(page, login.Session.ID) || page.Reset {
		t.Errorf("the other pod answers %+v after its poll, want the revocation and no reset", page)
	}
	if got := page.Revocations[0]; got.UserID != login.Account.ID || got.Reason != user.Revoked {
		t.Errorf("revocation %+v, want its user and reason", got)
	}
	// A position of one pod is good at the other.
	if page := since(t, f.Service, there.Position); !has(page, login.Session.ID) || page.Reset {
		t.Errorf("the other pod's position gives %+v, want the revocation and no reset", page)
	}
}

func TestF5_AReplacedLoginIsARevocation(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	poll(t, f.Service)
	if _, err := logIn(t, f.Service, "ann", usertest.Password, login.Session.Device); err != nil {
		t.Fatal(err)
	}
	page := since(t, f.Service, "")
	if !has(page, login.Session.ID) || page.Revocations[0].Reason != user.Replaced {
		t.Errorf("revocations %+v, want the replaced session", page.Revocations)
	}
}

// manyEnded is a store in which very many login sessions have ended just now.
type manyEnded struct {
	user.EndedSessions
	list []user.Revocation
}

func (m *manyEnded) EndedSince(context.Context, int64, int) ([]user.Revocation, error) {
	return m.list, nil
}

func TestF5_AnAnswerThatWouldBeTooLongResets(t *testing.T) {
	t.Parallel()
	clock, store := usertest.NewClock(), &manyEnded{}
	service := user.New(user.Ports{Ended: store}, user.Options{Now: clock.Now, Pages: page.NewCodec([]byte("a key for tests"))})
	poll(t, service)
	position := since(t, service, "").Position
	for range 5001 {
		store.list = append(store.list, user.Revocation{SessionID: ids.NewLoginSession(), At: clock.Now().UnixMilli()})
	}
	poll(t, service)
	if page := since(t, service, position); len(page.Revocations) != 5000 || !page.Reset {
		t.Errorf("%d revocations, reset %v; want 5,000 and a reset", len(page.Revocations), page.Reset)
	}
}

// A transaction that began before a poll and commits after it must not be missed.
func TestF5_ALateCommitIsFoundByTheOverlap(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login, other := f.Person(t, "ann", "Ann"), f.Pod()
	at := f.Clock.Now().UnixMilli()
	f.Clock.Advance(9 * time.Second)
	poll(t, other)
	position := since(t, other, "").Position
	if err := f.Store.End(t.Context(), login.Account.ID, login.Session.ID, user.Revoked, at); err != nil {
		t.Fatal(err)
	}
	poll(t, other)
	if page := since(t, other, position); !has(page, login.Session.ID) {
		t.Error("a revocation of nine seconds before the poll is missing")
	}
}

func TestF5_APositionThatIsNotReachedResets(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	login := f.Person(t, "ann", "Ann")
	poll(t, f.Service)
	old := since(t, f.Service, "").Position
	revoke(t, f, login)
	f.Clock.Advance(14 * time.Minute)
	poll(t, f.Service)
	if page := since(t, f.Service, old); page.Reset || !has(page, login.Session.ID) {
		t.Errorf("after 14 minutes: %+v, want the revocation and no reset", page)
	}
	f.Clock.Advance(2 * time.Minute)
	poll(t, f.Service)
	recent := since(t, f.Service, "").Position
	for name, position := range map[string]string{"an old position": old, "none": "", "garbage": "garbage", "a changed one": recent + "A"} {
		if page := since(t, f.Service, position); !page.Reset {
			t.Errorf("%s does not reset", name)
		}
	}
	if page := since(t, f.Service, recent); page.Reset {
		t.Error("a recent position resets")
	}
	// A pod that just started reaches back as far.
	fresh := f.Pod()
	poll(t, fresh)
	if page := since(t, fresh, recent); page.Reset {
		t.Error("a recent position resets at a pod that just started")
	}
}

func TestF5_TheListAnswersWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	if _, err := f.Revocations().Since(""); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("before the first poll: %v, want UNAVAILABLE", err)
	}
	login := f.Person(t, "ann", "Ann")
	poll(t, f.Service)
	position := since(t, f.Service, "").Position
	revoke(t, f, login)
	f.Store.Fail(fault.ErrUnavailable)
	f.Clock.Advance(20 * time.Minute)
	if err := f.Revocations().Poll(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("poll: %v, want UNAVAILABLE", err)
	}
	if page := since(t, f.Service, position); page.Reset || !has(page, login.Session.ID) {
		t.Errorf("from memory: %+v, want the revocation and no reset", page)
	}
	f.Store.Fail(nil)
	poll(t, f.Service)
	if page := since(t, f.Service, position); !page.Reset {
		t.Error("after a pause longer than the list an old position does not reset")
	}
}

func TestF5_ThePollRunsEveryHalfSecondAndStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := usertest.NewFixture()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		before := f.Store.Calls()
		go func() { done <- f.Revocations().Run(ctx) }()
		<-time.After(1100 * time.Millisecond) // virtual time
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if n := f.Store.Calls() - before; n != 3 {
			t.Errorf("%d polls in 1.1 s, want 3", n)
		}
	})
}

func TestCleanerRunsAndStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := usertest.NewFixture()
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
		defer cancel()
		before := f.Store.Calls()
		if err := f.RunCleaner(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		if n := f.Store.Calls() - before; n != 12 {
			t.Errorf("%d calls in 25 minutes, want four for each of three rounds", n)
		}
	})
}
