// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message/upstream"
)

type friendService struct {
	friendv1connect.FriendServiceClient
	asked  *friendv1.CheckFriendsRequest
	answer []string
	err    error
}

func (s *friendService) CheckFriends(_ context.Context, r *friendv1.CheckFriendsRequest) (*friendv1.CheckFriendsResponse, error) {
	s.asked = r
	return &friendv1.CheckFriendsResponse{FriendIds: s.answer}, s.err
}

func TestFriendsAreAskedFor(t *testing.T) {
	t.Parallel()
	user, friend, stranger := ids.NewUser(), ids.NewUser(), ids.NewUser()
	service := &friendService{answer: []string{friend.String()}}
	got, err := upstream.NewFriends(service).FriendsAmong(t.Context(), user, []ids.UserID{friend, stranger})
	if err != nil || !slices.Equal(got, []ids.UserID{friend}) {
		t.Errorf("friends %v, %v", got, err)
	}
	if service.asked.GetUserId() != user.String() || !slices.Equal(service.asked.GetCandidateIds(), []string{friend.String(), stranger.String()}) {
		t.Errorf("asked %v", service.asked)
	}
	service.answer = []string{"nonsense"}
	if _, err := upstream.NewFriends(service).FriendsAmong(t.Context(), user, []ids.UserID{friend}); err == nil {
		t.Error("an answer without an id is taken")
	}
	service.err = fault.ErrUnavailable
	if _, err := upstream.NewFriends(service).FriendsAmong(t.Context(), user, nil); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a service that is away: %v", err)
	}
}
