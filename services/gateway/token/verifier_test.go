// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/token"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

var errEnded = fault.New(fault.Unauthenticated, "SESSION_ENDED", "ended")

// users is a user service in memory.
type users struct {
	mu       sync.Mutex // guards what follows
	sessions map[string]*userv1.VerifyTokenResponse
	why      map[string]string // of tokens that prove nothing
	next     *userv1.ListRevocationsResponse
	asked    []string // positions
	verified int
	away     bool
	before   func() // runs before VerifyToken answers, after it has read
}

func newUsers() *users {
	return &users{sessions: map[string]*userv1.VerifyTokenResponse{}, why: map[string]string{}}
}

// login makes a token.
func (u *users) login(text string) gateway.Login {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := gateway.Login{User: ids.NewUser(), Session: ids.NewLoginSession(), Device: ids.NewDevice()}
	u.sessions[text] = &userv1.VerifyTokenResponse{
		UserId: l.User.String(), LoginSessionId: l.Session.String(), DeviceId: l.Device.String(),
	}
	return l
}

// end makes a token prove nothing, without telling.
func (u *users) end(text, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.sessions, text)
	u.why[text] = why
}

// answer sets what the next ListRevocations say once.
func (u *users) answer(a *userv1.ListRevocationsResponse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.next = a
}

func (u *users) setAway(away bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.away = away
}

func (u *users) calls() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.verified
}

func (u *users) VerifyToken(_ context.Context, in *userv1.VerifyTokenRequest) (*userv1.VerifyTokenResponse, error) {
	u.mu.Lock()
	u.verified++
	answer, away, why, before := u.sessions[in.GetToken()], u.away, u.why[in.GetToken()], u.before
	u.mu.Unlock()
	if before != nil {
		before()
	}
	switch {
	case away:
		return nil, fault.ErrUnavailable
	case answer == nil:
		return nil, errEnded.With("why", why)
	}
	return answer, nil
}

func (u *users) ListRevocations(
	_ context.Context, in *userv1.ListRevocationsRequest,
) (*userv1.ListRevocationsResponse, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.away {
		return nil, fault.ErrUnavailable
	}
	u.asked = append(u.asked, in.GetPosition())
	answer := u.next
	u.next = nil
	if answer == nil {
		answer = &userv1.ListRevocationsResponse{Position: "p"}
	}
	return answer, nil
}

// gate is a verifier that runs until the test ends.
type gate struct {
	*token.Verifier

	mu    sync.Mutex // guards ended
	ended []ended
}

type ended struct {
	Session ids.LoginSessionID
	Reason  gateway.EndReason
}

func start(t *testing.T, u *users) *gate {
	t.Helper()
	g := &gate{}
	v, err := token.New(token.Options{
		Auth: u, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Ended: func(s ids.LoginSessionID, r gateway.EndReason) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.ended = append(g.ended, ended{s, r})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Verifier = v
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
	return g
}

func (g *gate) heard() []ended {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]ended(nil), g.ended...)
}

func (g *gate) proves(t *testing.T, text string, want gateway.Login) {
	t.Helper()
	got, err := g.Verify(t.Context(), text)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("login (-want +got):\n%s", diff)
	}
}

func (g *gate) refuses(t *testing.T, text string, kind fault.Kind) {
	t.Helper()
	if _, err := g.Verify(t.Context(), text); err == nil || fault.KindOf(err) != kind {
		t.Errorf("Verify: %v, want kind %v", err, kind)
	}
}

// pass lets time pass; it is the time of the bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestVerifyAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy := u.login("amy")
		g := start(t, u)
		for range 3 {
			g.proves(t, "amy", amy)
		}
		if u.calls() != 1 {
			t.Errorf("%d calls of the user service, want 1", u.calls())
		}
		pass(6 * time.Minute)
		g.proves(t, "amy", amy)
		if u.calls() != 2 {
			t.Errorf("%d calls after six minutes, want 2: the use is noted there", u.calls())
		}
	})
}

func TestARoleIsNeverRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy := u.login("amy")
		g := start(t, u)
		g.proves(t, "amy", amy)
		for _, want := range []accessv1.Role{accessv1.Role_ROLE_OWNER, accessv1.Role_ROLE_MEMBER} {
			u.mu.Lock()
			u.sessions["amy"].Role = want
			u.mu.Unlock()
			if got, err := g.Role(t.Context(), "amy"); err != nil || got != want {
				t.Errorf("role %v, %v; want %v at once", got, err, want)
			}
		}
		u.end("amy", "banned")
		if _, err := g.Role(t.Context(), "amy"); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("role of a token that proves nothing: %v", err)
		}
		u.setAway(true)
		if _, err := g.Role(t.Context(), "amy"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("role that nobody can tell: %v", err)
		}
	})
}

func TestF28_HiddenReceiptsAreKnownWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy := u.login("amy")
		g := start(t, u)
		g.proves(t, "amy", amy)
		for i, hidden := range []bool{false, true, false} {
			u.mu.Lock()
			u.sessions["amy"] = proto.CloneOf(u.sessions["amy"])
			u.sessions["amy"].ReceiptsHidden = hidden
			u.mu.Unlock()
			pass(time.Second)
			for range 3 {
				if got := g.ReceiptsHidden(t.Context(), "amy"); got != hidden {
					t.Errorf("step %d: hidden %v", i, got)
				}
			}
		}
		if u.calls() != 4 {
			t.Errorf("%d calls of the user service, want one a second", u.calls())
		}
		u.setAway(true)
		pass(time.Second)
		if !g.ReceiptsHidden(t.Context(), "amy") {
			t.Error("what nobody can tell is shown")
		}
		u.setAway(false)
		u.end("amy", "revoked")
		if !g.ReceiptsHidden(t.Context(), "amy") || !g.ReceiptsHidden(t.Context(), "nobody") {
			t.Error("a token that proves nothing shows something")
		}
	})
}

func TestVerifyEndsWithTheLoginSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		u.login("amy")
		u.sessions["amy"].ExpiresAt = time.Now().Add(time.Minute).UnixMilli()
		g := start(t, u)
		_, _ = g.Verify(t.Context(), "amy")
		pass(2 * time.Minute)
		u.end("amy", "expired")
		g.refuses(t, "amy", fault.Unauthenticated)
	})
}

func TestVerifyRefusesUnknownTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, newUsers())
		g.refuses(t, "nobody", fault.Unauthenticated)
	})
}

func TestRevocationIsKnownWithinASecond(t *testing.T) {
	t.Parallel()
	reasons := map[userv1.EndReason]gateway.EndReason{
		userv1.EndReason_END_REASON_REVOKED:     gateway.EndRevoked,
		userv1.EndReason_END_REASON_REPLACED:    gateway.EndReplaced,
		userv1.EndReason_END_REASON_EXPIRED:     gateway.EndExpired,
		userv1.EndReason_END_REASON_SUSPENDED:   gateway.EndSuspended,
		userv1.EndReason_END_REASON_DELETED:     gateway.EndDeleted,
		userv1.EndReason_END_REASON_UNSPECIFIED: gateway.EndRevoked,
	}
	for wire, want := range reasons {
		t.Run(wire.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := newUsers()
				amy, ben := u.login("amy"), u.login("ben")
				g := start(t, u)
				g.proves(t, "amy", amy)
				g.proves(t, "ben", ben)
				u.end("amy", "revoked")
				u.answer(&userv1.ListRevocationsResponse{Position: "p2", Revocations: []*userv1.Revocation{
					{LoginSessionId: amy.Session.String(), Reason: wire},
				}})
				pass(time.Second)
				g.refuses(t, "amy", fault.Unauthenticated)
				g.proves(t, "ben", ben)
				if diff := cmp.Diff([]ended{{amy.Session, want}}, g.heard()); diff != "" {
					t.Errorf("ended (-want +got):\n%s", diff)
				}
				pass(time.Second)
				if last := u.asked[len(u.asked)-1]; last != "p2" {
					t.Errorf("asked from %q, want the position of the last answer", last)
				}
			})
		})
	}
}

func TestLateProofOfAnEndedSessionIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy := u.login("amy")
		g := start(t, u)
		// The session ends, and the poll tells, while the answer of VerifyToken is on its way.
		u.before = func() {
			u.answer(&userv1.ListRevocationsResponse{Revocations: []*userv1.Revocation{
				{LoginSessionId: amy.Session.String()},
			}})
			pass(time.Second)
		}
		g.refuses(t, "amy", fault.Unauthenticated)
	})
}

func TestResetForgetsAndVerifiesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy, ben, cho := u.login("amy"), u.login("ben"), u.login("cho")
		g := start(t, u)
		g.proves(t, "amy", amy)
		g.proves(t, "ben", ben)
		g.proves(t, "cho", cho)
		u.end("ben", "replaced")
		u.end("cho", "expired")
		u.answer(&userv1.ListRevocationsResponse{Reset_: true})
		pass(time.Second)
		calls := u.calls()
		g.proves(t, "amy", amy)
		if u.calls() != calls {
			t.Error("a login that was verified again is asked for once more")
		}
		got := map[ids.LoginSessionID]gateway.EndReason{}
		for _, e := range g.heard() {
			got[e.Session] = e.Reason
		}
		want := map[ids.LoginSessionID]gateway.EndReason{ben.Session: gateway.EndReplaced, cho.Session: gateway.EndExpired}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ended (-want +got):\n%s", diff)
		}
	})
}

func TestProofOlderThanAResetIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		u.login("amy")
		g := start(t, u)
		u.before = func() {
			u.before = nil
			u.end("amy", "revoked")
			u.answer(&userv1.ListRevocationsResponse{Reset_: true})
			pass(time.Second)
		}
		g.refuses(t, "amy", fault.Unauthenticated)
	})
}

func TestWithoutTheUserService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy := u.login("amy")
		g := start(t, u)
		g.proves(t, "amy", amy)
		u.setAway(true)
		pass(20 * time.Second)
		g.proves(t, "amy", amy)
		if !g.Fresh() {
			t.Error("not fresh after 20 s")
		}
		g.refuses(t, "ben", fault.Unavailable)
		pass(15 * time.Second)
		if g.Fresh() {
			t.Error("fresh after 35 s without an answer")
		}
		g.refuses(t, "amy", fault.Unavailable)
		u.setAway(false)
		pass(time.Second)
		g.proves(t, "amy", amy)
	})
}

func TestNotFreshBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		u.setAway(true)
		g := start(t, u)
		if g.Fresh() {
			t.Error("fresh without any answer")
		}
		if _, err := g.Verify(t.Context(), "amy"); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("Verify: %v, want unavailable", err)
		}
	})
}
