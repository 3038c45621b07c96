// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// The states of presence, short.
const (
	unknown = gatewayv1.PresenceState_PRESENCE_STATE_UNSPECIFIED
	online  = gatewayv1.PresenceState_PRESENCE_STATE_ONLINE
)

// eye is a connected device that remembers how people were, by user.
type eye struct {
	*client.Client

	live chan struct{} // closed once it is connected

	mu    sync.Mutex // guards what follows
	seen  map[string]gatewayv1.PresenceState
	typed []string      // conversations in which somebody types
	bell  chan struct{} // holds one
}

// look connects a person until the test ends, and follows some people.
func look(t *testing.T, base string, p *people.Person, at ...string) *eye {
	t.Helper()
	e := &eye{seen: map[string]gatewayv1.PresenceState{}, bell: make(chan struct{}, 1), live: make(chan struct{})}
	var once sync.Once
	var err error
	e.Client, err = client.New(client.Config{
		BaseURLs: []string{base}, Token: p.Token, Device: p.Device,
		Events: func(event client.Event) {
			switch event := event.(type) {
			case client.StateChanged:
				if event.State == client.Live {
					once.Do(func() { close(e.live) })
				}
			case client.PresenceChanged:
				e.note(func() {
					for _, item := range event.Items {
						e.seen[item.GetUserId()] = item.GetState()
					}
				})
			case client.TypingChanged:
				e.note(func() { e.typed = append(e.typed, event.Typing.GetConversationId()) })
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Watch(at...)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("client: %v", err)
		}
		e.Close()
	})
	return e
}

func (e *eye) note(what func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	what()
	select {
	case e.bell <- struct{}{}:
	default:
	}
}

func (e *eye) all() map[string]gatewayv1.PresenceState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.seen)
}

// await waits until somebody is told to be in a state.
func (e *eye) await(t *testing.T, user string, want gatewayv1.PresenceState) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if got, told := e.all()[user]; told && got == want {
			return
		}
		select {
		case <-e.bell:
		case <-deadline:
			t.Fatalf("never told %v, only %v", want, e.all())
		}
	}
}

// TestF32_WhoSeesWhosePresence lets people at two gateways watch somebody, and with them somebody whom all
// of them may see: once that one is told, the rights of the whole set were checked.
func TestF32_WhoSeesWhosePresence(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	base, far := sys.Public(0), sys.Public(1)
	seen, common := people.Register(t, base, "seen"), people.Register(t, base, "common")
	friend, mate := people.Register(t, base, "friend"), people.Register(t, base, "mate")
	stranger, blocked := people.Register(t, base, "stranger"), people.Register(t, base, "blocked")
	hider, leaver := people.Register(t, base, "hider"), people.Register(t, base, "leaver")
	for _, p := range []*people.Person{seen, friend, mate, stranger, blocked, leaver} {
		people.Befriend(t, common, p)
	}
	people.Befriend(t, friend, seen)
	people.Befriend(t, friend, hider)
	group := people.Group(t, common, seen, mate, blocked, leaver)
	block(t, seen, blocked)
	hide(t, hider)
	for _, p := range []*people.Person{seen, common, hider} {
		look(t, far, p)
	}
	set := []string{seen.ID, hider.ID, common.ID}
	viewers := map[string]*eye{
		"friend": look(t, base, friend, set...), "mate": look(t, far, mate, set...),
		"stranger": look(t, base, stranger, set...), "blocked": look(t, base, blocked, set...),
		"leaver": look(t, far, leaver, set...),
	}
	mates := []string{"friend", "mate", "leaver"}
	for name, viewer := range viewers {
		viewer.await(t, common.ID, online)
		if slices.Contains(mates, name) {
			viewer.await(t, seen.ID, online)
		}
	}
	for name, viewer := range viewers {
		got := viewer.all()
		if _, told := got[seen.ID]; told != slices.Contains(mates, name) {
			t.Errorf("%s sees %v", name, got)
		}
		if _, told := got[hider.ID]; told {
			t.Errorf("%s sees who hides: %v", name, got)
		}
	}
	// What was allowed ends with the first word that it is over.
	block(t, friend, seen)
	viewers["friend"].await(t, seen.ID, unknown)
	leaver.Do(t, "parley.message.v1.ConversationService/LeaveGroup", &messagev1.LeaveGroupRequest{ConversationId: group}, &messagev1.LeaveGroupResponse{})
	viewers["leaver"].await(t, seen.ID, unknown)
	hide(t, seen)
	viewers["mate"].await(t, seen.ID, unknown)
}

func block(t *testing.T, by, whom *people.Person) {
	t.Helper()
	by.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: whom.ID}, &friendv1.BlockUserResponse{})
}

func hide(t *testing.T, p *people.Person) {
	t.Helper()
	yes := true
	p.Do(t, "parley.user.v1.UserService/SetPrivacy", &userv1.SetPrivacyRequest{PresenceHidden: &yes}, &userv1.SetPrivacyResponse{})
}

// TestF10_TypingOfABlockedPersonReachesNobody lets somebody who is blocked type in the closed conversation
// and then in a group of both, over one connection: only the latter is heard.
func TestF10_TypingOfABlockedPersonReachesNobody(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	blocker, blocked, common := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(1), "bob"), people.Register(t, sys.Public(1), "cho")
	pair := people.Befriend(t, blocker, blocked)
	people.Befriend(t, common, blocker)
	people.Befriend(t, common, blocked)
	group := people.Group(t, common, blocker, blocked)
	block(t, blocker, blocked)
	hears, types := look(t, sys.Public(0), blocker), look(t, sys.Public(1), blocked)
	for _, e := range []*eye{hears, types} {
		select {
		case <-e.live:
		case <-time.After(time.Minute):
			t.Fatal("a client does not connect")
		}
	}
	for _, conversation := range []string{pair, group} {
		types.Typing(conversation, gatewayv1.TypingState_TYPING_STATE_STARTED)
	}
	select {
	case <-hears.bell:
	case <-time.After(time.Minute):
		t.Fatal("typing in the group is never heard")
	}
	hears.mu.Lock()
	defer hears.mu.Unlock()
	if len(hears.typed) != 1 || hears.typed[0] != group {
		t.Errorf("heard %v, want the group only", hears.typed)
	}
}
