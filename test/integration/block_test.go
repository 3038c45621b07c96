// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"strconv"
	"sync"
	"testing"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const readOnly = "failed_precondition CONVERSATION_READ_ONLY"

// texts are what a person can read in a conversation.
func texts(t *testing.T, p *people.Person, conversation string) []string {
	t.Helper()
	var page messagev1.ListMessagesResponse
	p.Do(t, "parley.message.v1.MessageService/ListMessages", &messagev1.ListMessagesRequest{ConversationId: conversation}, &page)
	var list []string
	for _, m := range page.GetItems() {
		list = append(list, m.GetText().GetBody())
	}
	return list
}

func TestABlockClosesTheConversationAndFriendshipReopensIt(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	conversation := people.Befriend(t, ann, bob)
	send := func(p *people.Person, text, want string) {
		t.Helper()
		if got := p.Try(t, "parley.message.v1.MessageService/Send", people.Text(conversation, text)).String(); got != want {
			t.Errorf("sending %q: %s, want %s", text, got, want)
		}
	}
	send(ann, "before", ok)
	ann.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: bob.ID}, &friendv1.BlockUserResponse{})
	send(ann, "blocked", readOnly)
	send(bob, "blocked", readOnly)
	for _, p := range []*people.Person{ann, bob} {
		if got := texts(t, p, conversation); len(got) != 1 || got[0] != "before" {
			t.Errorf("history %q, want what was said before", got)
		}
	}
	// The other side asks, is answered as usual, and it changes nothing.
	people.Request(t, bob, ann)
	send(bob, "asked", readOnly)
	ann.Do(t, "parley.friend.v1.FriendService/UnblockUser", &friendv1.UnblockUserRequest{UserId: bob.ID}, &friendv1.UnblockUserResponse{})
	send(bob, "unblocked", readOnly)
	var asked friendv1.ListRequestsResponse
	ann.Do(t, "parley.friend.v1.FriendService/ListRequests", &friendv1.ListRequestsRequest{}, &asked)
	if len(asked.GetRequests()) != 0 {
		t.Errorf("after the block ann sees %v, want nothing", asked.GetRequests())
	}
	var answer friendv1.SendRequestResponse
	ann.Do(t, "parley.friend.v1.FriendService/SendRequest",
		&friendv1.SendRequestRequest{UserId: bob.ID, IdempotencyKey: people.NewID()}, &answer)
	if answer.GetConversationId() != conversation {
		t.Errorf("friends again in %q, want %q", answer.GetConversationId(), conversation)
	}
	send(bob, "after", ok)
	if got := texts(t, ann, conversation); len(got) != 2 || got[0] != "before" || got[1] != "after" {
		t.Errorf("history %q, want both messages", got)
	}
}

func TestRemovalAndReaddingKeepsTheConversation(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	conversation := people.Befriend(t, ann, bob)
	ann.Do(t, "parley.message.v1.MessageService/Send", people.Text(conversation, "one"), &messagev1.SendResponse{})
	bob.Do(t, "parley.friend.v1.FriendService/RemoveFriend", &friendv1.RemoveFriendRequest{UserId: ann.ID}, &friendv1.RemoveFriendResponse{})
	if got := ann.Try(t, "parley.message.v1.MessageService/Send", people.Text(conversation, "two")).String(); got != readOnly {
		t.Errorf("sending after the removal: %s, want %s", got, readOnly)
	}
	if again := people.Befriend(t, bob, ann); again != conversation {
		t.Errorf("friends again in %s, want %s", again, conversation)
	}
	bob.Do(t, "parley.message.v1.MessageService/Send", people.Text(conversation, "three"), &messagev1.SendResponse{})
	if got := texts(t, ann, conversation); len(got) != 2 || got[0] != "one" || got[1] != "three" {
		t.Errorf("history %q, want the old message and the new one", got)
	}
}

// Sends that meet the block go through or not; after its answer none does.
func TestNothingOfABlockedPersonArrivesAfterTheBlock(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	conversation := people.Befriend(t, ann, bob)
	const senders, each = 4, 14 // one person may send 60 at once
	started, blocked := make(chan struct{}, senders), make(chan struct{})
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				late := false
				select {
				case <-blocked:
					late = true
				default:
				}
				got := bob.Try(t, "parley.message.v1.MessageService/Send", people.Text(conversation, strconv.Itoa(i*each+j))).String()
				if got != readOnly && (late || got != ok) {
					t.Errorf("a send, after the block: %v: %s", late, got)
				}
				if j == 0 {
					started <- struct{}{}
				}
				if j == each/2 {
					<-blocked // half of them come after it, for sure
				}
			}
		})
	}
	for range senders {
		<-started
	}
	ann.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: bob.ID}, &friendv1.BlockUserResponse{})
	before := len(texts(t, ann, conversation))
	close(blocked)
	wg.Wait()
	if after := len(texts(t, ann, conversation)); after != before {
		t.Errorf("%d messages after the block and %d at the end; want no more", before, after)
	}
}
