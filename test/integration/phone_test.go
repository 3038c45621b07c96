// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// plantedPhone belongs to one person; its last digits but four are searched for everywhere.
const (
	plantedPhone = "+8613912345678"
	planted      = "1391234567"
)

var codeInLog = regexp.MustCompile(`"code":"([0-9]{6})"`)

// sink gathers what several goroutines write.
type sink struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// setPhone gives a person the planted number.
func setPhone(t *testing.T, p *people.Person, log *sink) {
	t.Helper()
	var asked userv1.RequestCodeResponse
	p.Do(t, "parley.user.v1.AuthService/RequestCode", &userv1.RequestCodeRequest{
		Phone: plantedPhone, Purpose: userv1.CodePurpose_CODE_PURPOSE_SET_PHONE,
	}, &asked)
	codes := codeInLog.FindAllStringSubmatch(log.String(), -1)
	if len(codes) == 0 {
		t.Fatal("no code was sent")
	}
	p.Do(t, "parley.user.v1.UserService/SetPhone", &userv1.SetPhoneRequest{
		Phone: plantedPhone, Code: &userv1.PhoneCode{CodeRequestId: asked.GetCodeRequestId(), Code: codes[len(codes)-1][1]}, Password: p.Password,
	}, &userv1.SetPhoneResponse{})
}

// harmless tells methods that can be called by anybody without ending a friendship, account or session.
func harmless(method string) bool {
	_, verb, _ := strings.Cut(method, "/")
	return slices.ContainsFunc([]string{"Get", "BatchGet", "List", "Search", "Sync", "Resolve", "Send", "React", "MarkRead", "UpdateProfile"}, func(v string) bool {
		return strings.HasPrefix(verb, v)
	})
}

// A number is its owner's. Friends see it in the list of friends if the owner wants that, and nobody sees
// it anywhere else: in no other reply, frame, event or log line.
func TestX22_APhoneNumberIsSeenByItsOwnerAndByFriendsWhoMay(t *testing.T) {
	t.Parallel()
	log, events := &sink{}, &sink{}
	sys := devtest.Start(t, devtest.Options{Gateways: 1, Log: log})
	c := newCast(t, sys.Public(0))
	sys.HearEvents(t, func(body []byte) { _, _ = events.Write(body) })
	wires := c.wires(t, sys.Public(0))
	setPhone(t, c.owner, log)
	const listFriends = "parley.friend.v1.FriendService/ListFriends"
	friends := []string{"friend", "admin", "member"}
	for _, shown := range []bool{false, true} {
		c.owner.Do(t, "parley.user.v1.UserService/SetPrivacy", &userv1.SetPrivacyRequest{PhoneForFriends: new(shown)}, &userv1.SetPrivacyResponse{})
		requests := goodRequests(c)
		requests["parley.user.v1.UserService/GetUser"] = &userv1.GetUserRequest{UserId: c.owner.ID}
		requests["parley.user.v1.UserService/BatchGetUsers"] = &userv1.BatchGetUsersRequest{UserIds: []string{c.owner.ID}}
		requests["parley.friend.v1.FriendService/SearchUsers"] = &friendv1.SearchUsersRequest{Query: plantedPhone}
		for method, request := range requests {
			if !harmless(method) {
				continue
			}
			for name, p := range c.callers() {
				if name == "owner" {
					continue
				}
				seen := strings.Contains(string(p.Try(t, method, request).Body), planted)
				if want := shown && method == listFriends && slices.Contains(friends, name); seen != want {
					t.Errorf("shown to friends %t: %s by %s holds the number: %t, want %t", shown, method, name, seen, want)
				}
			}
		}
	}
	c.owner.Do(t, "parley.user.v1.UserService/UpdateProfile", &userv1.UpdateProfileRequest{Nickname: new("new")}, &userv1.UpdateProfileResponse{})
	c.friend.Do(t, "parley.friend.v1.FriendService/RemoveFriend", &friendv1.RemoveFriendRequest{UserId: c.owner.ID}, &friendv1.RemoveFriendResponse{})
	if answer := c.friend.Try(t, listFriends, &friendv1.ListFriendsRequest{}); strings.Contains(string(answer.Body), planted) {
		t.Error("who is no friend any more sees the number")
	}
	var me userv1.GetMeResponse
	if c.owner.Do(t, "parley.user.v1.UserService/GetMe", &userv1.GetMeRequest{}, &me); me.GetMe().GetPhone() != plantedPhone {
		t.Errorf("the owner sees %q", me.GetMe().GetPhone())
	}
	for name, w := range wires {
		w.fence()
		for _, frame := range w.heard {
			if strings.Contains(string(people.JSON(frame)), planted) {
				t.Errorf("a frame to %s holds the number", name)
			}
		}
	}
	if events.String() == "" || strings.Contains(events.String(), planted) {
		t.Errorf("%d bytes of events, with the number: %t", len(events.String()), strings.Contains(events.String(), planted))
	}
	if strings.Contains(log.String(), planted) {
		t.Error("the log holds the number")
	}
}
