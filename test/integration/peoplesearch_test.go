// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	searchUsers   = "parley.friend.v1.FriendService/SearchUsers"
	updateProfile = "parley.user.v1.UserService/UpdateProfile"
)

// found waits until a person finds people of these nicknames in this order, with marks around what matched, and * of
// friends.
func found(t *testing.T, p *people.Person, query string, want ...string) {
	t.Helper()
	until(t, "found "+strings.Join(want, " "), func() people.Answer {
		answer := p.Try(t, searchUsers, &friendv1.SearchUsersRequest{Query: query})
		if answer.Status != http.StatusOK {
			return answer // the index is still being made
		}
		var got friendv1.SearchUsersResponse
		p.Do(t, searchUsers, &friendv1.SearchUsersRequest{Query: query}, &got)
		var names []string
		for _, hit := range got.GetUsers() {
			names = append(names, markedName(hit))
		}
		return people.Answer{Code: "found", Reason: strings.Join(names, " ")}
	})
}

func markedName(hit *friendv1.FoundUser) string {
	runes, at := []rune(hit.GetUser().GetNickname()), int32(0)
	var b strings.Builder
	for _, span := range hit.GetNicknameSpans() {
		b.WriteString(string(runes[at:span.GetStart()]) + "[" + string(runes[span.GetStart():span.GetEnd()]) + "]")
		at = span.GetEnd()
	}
	b.WriteString(string(runes[at:]))
	if hit.GetFriend() {
		b.WriteString("*")
	}
	return b.String()
}

// People are found by any piece of their nickname, friends first, then who is in a group with the searcher; a new
// nickname, a suspension, a hidden number and a deletion are followed.
func TestF11_PeopleAreFoundThroughTheGateway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	named := func(prefix, nickname string) *people.Person {
		p := people.Register(t, base, prefix)
		p.Do(t, updateProfile, &userv1.UpdateProfileRequest{Nickname: &nickname}, &userv1.UpdateProfileResponse{})
		return p
	}
	me, host := named("me", "我"), named("host", "主人")
	stranger, fellow, pal := named("stranger", "田中\u3000太郎"), named("fellow", "田中花子"), named("pal", "小田中")
	newest := named("newest", "田中")
	people.Befriend(t, me, pal)
	people.Befriend(t, host, me)
	people.Befriend(t, host, fellow)
	host.Do(t, "parley.message.v1.ConversationService/CreateGroup", people.NewGroup(me.ID, fellow.ID), &messagev1.CreateGroupResponse{})
	found(t, me, "田中", "小[田中]*", "[田中]花子", "[田中]", "[田中]\u3000太郎")
	found(t, me, "中太", "田[中\u3000太]郎")
	found(t, me, stranger.Username, "田中\u3000太郎")
	nickname := "John Smith"
	stranger.Do(t, updateProfile, &userv1.UpdateProfileRequest{Nickname: &nickname}, &userv1.UpdateProfileResponse{})
	found(t, me, "smi", "John [Smi]th")
	found(t, me, "太郎")
	me.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: stranger.ID}, &friendv1.BlockUserResponse{})
	found(t, me, "smi")
	found(t, stranger, "我")
	boss := newOwner(t, sys)
	boss.Do(t, adminService+"BanUser", &userv1.BanUserRequest{UserId: fellow.ID, Reason: "spam"}, &userv1.BanUserResponse{})
	found(t, me, "田中", "小[田中]*", "[田中]")
	found(t, me, fellow.Username)
	boss.Do(t, adminService+"UnbanUser", &userv1.UnbanUserRequest{UserId: fellow.ID, Reason: "sorry"}, &userv1.UnbanUserResponse{})
	newest.Do(t, "parley.user.v1.UserService/DeleteAccount", &userv1.DeleteAccountRequest{Password: newest.Password}, &userv1.DeleteAccountResponse{})
	found(t, me, "田中", "小[田中]*", "[田中]花子")
	for range 22 {
		people.Register(t, base, "many")
	}
	var first, second friendv1.SearchUsersResponse
	// The index takes them one batch after the other.
	until(t, fmt.Sprint(22), func() people.Answer {
		first.Reset()
		second.Reset()
		me.Do(t, searchUsers, &friendv1.SearchUsersRequest{Query: "man", PageSize: 50}, &first)
		if first.GetNextPageToken() != "" {
			me.Do(t, searchUsers, &friendv1.SearchUsersRequest{Query: "man", PageSize: 50, PageToken: first.GetNextPageToken()}, &second)
		}
		return people.Answer{Status: len(first.GetUsers()) + len(second.GetUsers())}
	})
	if n := len(second.GetUsers()); n != 2 || second.GetNextPageToken() != "" {
		t.Errorf("%d people on the second page, next %q", n, second.GetNextPageToken())
	}
	for _, hit := range second.GetUsers() {
		for _, other := range first.GetUsers() {
			if hit.GetUser().GetUserId() == other.GetUser().GetUserId() {
				t.Errorf("%s is on two pages", hit.GetUser().GetUsername())
			}
		}
	}
}
