// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/upstream"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// userService answers everybody but those who are missing.
type userService struct {
	userv1connect.UserServiceClient
	batches []int
	missing ids.UserID
	deleted ids.UserID
	search  *userv1.SearchUsersRequest
	err     error
}

func (s *userService) BatchGetUsers(_ context.Context, r *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	s.batches = append(s.batches, len(r.GetUserIds()))
	answer := &userv1.BatchGetUsersResponse{}
	for _, id := range r.GetUserIds() {
		if id != s.missing.String() {
			answer.Users = append(answer.Users, &userv1.User{UserId: id, Username: "u", Nickname: "n", Description: "d", Deleted: id == s.deleted.String()})
		}
	}
	return answer, s.err
}

func (s *userService) SearchUsers(_ context.Context, r *userv1.SearchUsersRequest) (*userv1.SearchUsersResponse, error) {
	s.search = r
	return &userv1.SearchUsersResponse{
		Users: []*userv1.User{{UserId: s.missing.String(), Username: "u"}}, NextPageToken: "next",
		Matches: []*userv1.NameMatch{{Spans: []*userv1.NameSpan{{Start: 1, End: 3}}}},
	}, s.err
}

// The user service answers a row for an account that is gone, but nobody is there any more.
func TestADeletedAccountIsNobody(t *testing.T) {
	t.Parallel()
	people := []ids.UserID{ids.NewUser(), ids.NewUser()}
	got, err := upstream.NewUsers(&userService{deleted: people[0]}).Profiles(t.Context(), people)
	if _, there := got[people[0]]; err != nil || there || len(got) != 1 {
		t.Errorf("people who exist: %v, %v", got, err)
	}
}

func TestProfilesAreFetchedInBatchesOfAHundred(t *testing.T) {
	t.Parallel()
	people := make([]ids.UserID, 201)
	for i := range people {
		people[i] = ids.NewUser()
	}
	service := &userService{missing: people[7]}
	got, err := upstream.NewUsers(service).Profiles(t.Context(), people)
	if err != nil || len(got) != 200 || !slices.Equal(service.batches, []int{100, 100, 1}) {
		t.Errorf("%d profiles by batches %v, %v; want 200 by 100, 100, 1", len(got), service.batches, err)
	}
	want := friend.Profile{ID: people[0], Username: "u", Nickname: "n", Description: "d"}
	if diff := cmp.Diff(want, got[people[0]]); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	if _, ok := got[people[7]]; ok {
		t.Error("a missing person has a profile")
	}
}

func (s *userService) ListFriendPhones(_ context.Context, r *userv1.ListFriendPhonesRequest) (*userv1.ListFriendPhonesResponse, error) {
	s.batches = append(s.batches, len(r.GetUserIds()))
	answer := &userv1.ListFriendPhonesResponse{}
	for _, id := range r.GetUserIds() {
		if id != s.missing.String() {
			answer.Phones = append(answer.Phones, &userv1.FriendPhone{UserId: id, Phone: "+8613800000001"})
		}
	}
	return answer, s.err
}

func TestPhonesAreFetchedInBatchesOfAHundred(t *testing.T) {
	t.Parallel()
	people := make([]ids.UserID, 101)
	for i := range people {
		people[i] = ids.NewUser()
	}
	service := &userService{missing: people[7]}
	got, err := upstream.NewUsers(service).Phones(t.Context(), people)
	if err != nil || len(got) != 100 || !slices.Equal(service.batches, []int{100, 1}) || got[people[0]].Reveal() != "+8613800000001" {
		t.Errorf("%d numbers by batches %v, %v", len(got), service.batches, err)
	}
	if _, ok := got[people[7]]; ok {
		t.Error("one who shows none has a number")
	}
	service.err = fault.ErrUnavailable
	if _, err := upstream.NewUsers(service).Phones(t.Context(), people); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without an answer: %v", err)
	}
}

func TestASearchIsPassedOn(t *testing.T) {
	t.Parallel()
	service := &userService{missing: ids.NewUser()}
	self := ids.NewUser()
	got, err := upstream.NewUsers(service).Search(t.Context(), friend.UserSearch{
		Query: "an", Part: friend.OnlyNames, Among: []ids.UserID{self}, Excluded: []ids.UserID{self}, PageSize: 7, Token: "token",
	})
	want := friend.UserPage{
		Hits: []friend.UserHit{{Profile: friend.Profile{ID: service.missing, Username: "u"}, Spans: []textmatch.Span{{Start: 1, End: 3}}}}, Next: "next",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("page: %v (-want +got):\n%s", err, diff)
	}
	r := service.search
	if r.GetQuery() != "an" || r.GetPageSize() != 7 || r.GetPageToken() != "token" || !slices.Equal(r.GetExcludedUserIds(), []string{self.String()}) ||
		r.GetPart() != userv1.SearchPart_SEARCH_PART_NICKNAME || !slices.Equal(r.GetAmongUserIds(), []string{self.String()}) {
		t.Errorf("the user service was asked %v", r)
	}
	service.err = fault.ErrPageToken
	if _, err := upstream.NewUsers(service).Search(t.Context(), friend.UserSearch{}); !errors.Is(err, fault.ErrPageToken) {
		t.Errorf("a refused token: %v, want PAGE_TOKEN_INVALID", err)
	}
}

type conversationService struct {
	messagev1connect.ConversationServiceClient
	id     string
	opened *messagev1.OpenDirectRequest
	closed *messagev1.CloseDirectRequest
}

func (s *conversationService) OpenDirect(_ context.Context, r *messagev1.OpenDirectRequest) (*messagev1.OpenDirectResponse, error) {
	s.opened = r
	return &messagev1.OpenDirectResponse{ConversationId: s.id}, nil
}

func (s *conversationService) CloseDirect(_ context.Context, r *messagev1.CloseDirectRequest) (*messagev1.CloseDirectResponse, error) {
	s.closed = r
	return &messagev1.CloseDirectResponse{}, nil
}

func TestAPairIsHandedOverWithItsVersion(t *testing.T) {
	t.Parallel()
	want := ids.NewConversation()
	service := &conversationService{id: want.String()}
	conversations := upstream.NewConversations(service)
	pair := friend.PairOf(ids.NewUser(), ids.NewUser())
	users := []string{pair.Low.String(), pair.High.String()}
	got, err := conversations.Open(t.Context(), pair, 3)
	if err != nil || got != want || service.opened.GetRelationVersion() != 3 || !slices.Equal(service.opened.GetUserIds(), users) {
		t.Errorf("open %v: %v, %v", service.opened, got, err)
	}
	if err := conversations.Close(t.Context(), pair, 4); err != nil || service.closed.GetRelationVersion() != 4 || !slices.Equal(service.closed.GetUserIds(), users) {
		t.Errorf("close %v: %v", service.closed, err)
	}
	service.id = "nonsense"
	if _, err := conversations.Open(t.Context(), pair, 5); err == nil {
		t.Error("an answer without an id is taken")
	}
}
