// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/fault"
)

func TestF10_BlocksAndRemarksOverTheWire(t *testing.T) {
	t.Parallel()
	r := start(t, sqliteDSN(t))
	ann, bob := r.users.add("ann"), r.users.add("bob")
	client, heard := r.client(t, component.Gateway), r.subscribe(t)
	for _, u := range [][2]*userv1.User{{ann, bob}, {bob, ann}} {
		if _, err := client.SendRequest(as(t, u[0]), wish(u[1])); err != nil {
			t.Fatal(err)
		}
		<-heard // the request, then the acceptance by the crossing one
	}
	remark, err := client.SetRemark(as(t, ann), &friendv1.SetRemarkRequest{UserId: bob.GetUserId(), Remark: " boss "})
	if err != nil || remark.GetRemark() != "boss" {
		t.Fatalf("remark %v, %v", remark, err)
	}
	expectUpdate(t, heard, ann, &eventv1.FriendUpdated{UserId: ann.GetUserId(), FriendId: bob.GetUserId(), Remark: "boss"})
	friends, err := client.ListFriends(as(t, ann), &friendv1.ListFriendsRequest{})
	if err != nil || len(friends.GetFriends()) != 1 || friends.GetFriends()[0].GetRemark() != "boss" {
		t.Errorf("friends %v, %v; want bob with the remark", friends, err)
	}

	if _, err := client.BlockUser(as(t, ann), &friendv1.BlockUserRequest{UserId: bob.GetUserId()}); err != nil {
		t.Fatal(err)
	}
	// Events of two types come in any order.
	removed, updated := <-heard, <-heard
	if removed.GetFriendRemoved() == nil {
		removed, updated = updated, removed
	}
	if removed.GetFriendRemoved().GetUserId() != ann.GetUserId() || r.conversations.isOpen() {
		t.Errorf("event %v, conversation open %v; want a removal and a closed conversation", removed, r.conversations.isOpen())
	}
	checkUpdate(t, updated, ann, &eventv1.FriendUpdated{UserId: ann.GetUserId(), FriendId: bob.GetUserId(), Blocked: true})
	checkFriends(t, client, bob)
	blocked, err := client.ListBlocked(as(t, ann), &friendv1.ListBlockedRequest{})
	if err != nil || len(blocked.GetBlocked()) != 1 || blocked.GetBlocked()[0].GetSince() == 0 ||
		cmp.Diff(bob, blocked.GetBlocked()[0].GetUser(), protocmp.Transform()) != "" {
		t.Errorf("blocked %v, %v; want bob", blocked, err)
	}
	found, err := client.SearchUsers(as(t, bob), &friendv1.SearchUsersRequest{Query: "ann"})
	if err != nil || len(found.GetUsers()) != 0 {
		t.Errorf("bob finds %v, %v; want nobody", found, err)
	}
	if _, err := client.SendRequest(as(t, ann), wish(bob)); !errors.Is(err, friend.ErrBlocked) {
		t.Errorf("a request to who is blocked: %v, want USER_BLOCKED", err)
	}

	if _, err := client.UnblockUser(as(t, ann), &friendv1.UnblockUserRequest{UserId: bob.GetUserId()}); err != nil {
		t.Fatal(err)
	}
	expectUpdate(t, heard, ann, &eventv1.FriendUpdated{UserId: ann.GetUserId(), FriendId: bob.GetUserId()})
	_, err = client.BlockUser(as(t, ann), &friendv1.BlockUserRequest{UserId: ann.GetUserId()})
	if !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("blocking oneself: %v, want invalid", err)
	}
	_, err = client.SetRemark(as(t, ann), &friendv1.SetRemarkRequest{UserId: bob.GetUserId(), Remark: "x"})
	if !errors.Is(err, friend.ErrNotFriends) {
		t.Errorf("a remark about who is no friend: %v, want NOT_FOUND", err)
	}
}

// expectUpdate waits for an event that only its owner gets.
func expectUpdate(t *testing.T, heard <-chan *eventv1.Event, owner *userv1.User, want *eventv1.FriendUpdated) {
	t.Helper()
	checkUpdate(t, <-heard, owner, want)
}

func checkUpdate(t *testing.T, e *eventv1.Event, owner *userv1.User, want *eventv1.FriendUpdated) {
	t.Helper()
	if diff := cmp.Diff(want, e.GetFriendUpdated(), protocmp.Transform()); diff != "" || e.GetType() != eventv1.EventType_EVENT_TYPE_FRIEND_UPDATED {
		t.Errorf("event %v (-want +got):\n%s", e, diff)
	}
	if diff := cmp.Diff([]string{owner.GetUserId()}, e.GetRecipientIds()); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
}
