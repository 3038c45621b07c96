// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/client"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// ear is a connected device that remembers what it was told, by conversation.
type ear struct {
	mu    sync.Mutex // guards heard
	heard map[string][]string
	bell  chan struct{} // holds one
}

// listen connects a person until the test ends.
func listen(t *testing.T, base string, p *people.Person) *ear {
	t.Helper()
	e := &ear{heard: map[string][]string{}, bell: make(chan struct{}, 1)}
	live := make(chan struct{})
	var once sync.Once
	c, err := client.New(client.Config{
		BaseURLs: []string{base}, Token: p.Token, Device: p.Device,
		Events: func(event client.Event) {
			switch event := event.(type) {
			case client.StateChanged:
				if event.State == client.Live {
					once.Do(func() { close(live) })
				}
			case client.MessagesReceived:
				e.hear(event)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("client: %v", err)
		}
		c.Close()
	})
	select {
	case <-live:
	case <-time.After(time.Minute):
		t.Fatal("the client does not connect")
	}
	return e
}

func (e *ear) hear(event client.MessagesReceived) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range event.Items {
		text := m.GetText().GetBody()
		if s := m.GetSystem(); s != nil {
			text = s.GetKind().String()
		}
		e.heard[event.ConversationID] = append(e.heard[event.ConversationID], text)
	}
	select {
	case e.bell <- struct{}{}:
	default:
	}
}

func (e *ear) in(conversation string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard[conversation])
}

// await waits until the last thing heard in a conversation is a text, and answers all of it.
func (e *ear) await(t *testing.T, conversation, text string) []string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if heard := e.in(conversation); len(heard) > 0 && heard[len(heard)-1] == text {
			return heard
		}
		select {
		case <-e.bell:
		case <-deadline:
			t.Fatalf("%q is never heard, only %q", text, e.in(conversation))
		}
	}
}

// Each device hears of a group what was said while its user was a member, at every gateway.
func TestAGroupIsHeardByItsMembersOnly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	base := sys.Public(0)
	owner, member := people.Register(t, base, "owner"), people.Register(t, base, "member")
	target, late := people.Register(t, base, "target"), people.Register(t, base, "late")
	pair := ""
	for _, friend := range []*people.Person{member, late, target} {
		pair = people.Befriend(t, owner, friend)
	}
	ears := map[string]*ear{}
	for i, p := range []*people.Person{owner, member, target, late} {
		ears[p.ID] = listen(t, sys.Public(i%2), p)
	}
	const created, removed, joined = "SYSTEM_KIND_CREATED", "SYSTEM_KIND_REMOVED", "SYSTEM_KIND_JOINED"
	group := people.Group(t, owner, member, target)
	send := func(to, text string) {
		owner.Do(t, "parley.message.v1.MessageService/Send", people.Text(to, text), &messagev1.SendResponse{})
	}
	send(group, "one")
	ears[target.ID].await(t, group, "one")
	owner.Do(t, "parley.message.v1.ConversationService/RemoveMember", &messagev1.RemoveMemberRequest{ConversationId: group, UserId: target.ID}, &messagev1.RemoveMemberResponse{})
	send(group, "secret")
	owner.Do(t, "parley.message.v1.ConversationService/AddMembers", &messagev1.AddMembersRequest{ConversationId: group, UserIds: []string{late.ID}}, &messagev1.AddMembersResponse{})
	send(group, "two")
	for _, p := range []*people.Person{owner, member} {
		if diff := cmp.Diff([]string{created, "one", removed, "secret", joined, "two"}, ears[p.ID].await(t, group, "two")); diff != "" {
			t.Errorf("who stayed (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{joined, "two"}, ears[late.ID].await(t, group, "two")); diff != "" {
		t.Errorf("who came late (-want +got):\n%s", diff)
	}
	send(pair, "fence") // what was on its way before it has arrived
	ears[target.ID].await(t, pair, "fence")
	if diff := cmp.Diff([]string{created, "one", removed}, ears[target.ID].await(t, group, removed)); diff != "" {
		t.Errorf("who was removed (-want +got):\n%s", diff)
	}
}
