// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/gateway/upstream"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// society knows who is what to everybody.
type society struct {
	friends, blocked, companions, shown []string

	mu    sync.Mutex // guards what follows
	asked []string
	away  string
}

func (s *society) enter(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, call)
	if s.away == call {
		return fault.ErrUnavailable
	}
	return nil
}

// friendSide, messageSide and userSide are the services of a society.
type (
	friendSide struct {
		friendv1connect.UnimplementedFriendServiceHandler
		*society
	}
	messageSide struct {
		messagev1connect.UnimplementedMessageServiceHandler
		*society
	}
	userSide struct {
		userv1connect.UnimplementedUserServiceHandler
		*society
	}
)

func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return !slices.Contains(b, x) })
}

func (s friendSide) CheckRelations(_ context.Context, r *friendv1.CheckRelationsRequest) (*friendv1.CheckRelationsResponse, error) {
	return &friendv1.CheckRelationsResponse{
		FriendIds: both(r.GetCandidateIds(), s.friends), BlockedIds: both(r.GetCandidateIds(), s.blocked),
	}, s.enter("friend")
}

func (s messageSide) CheckCompanions(_ context.Context, r *messagev1.CheckCompanionsRequest) (*messagev1.CheckCompanionsResponse, error) {
	return &messagev1.CheckCompanionsResponse{CompanionIds: both(r.GetCandidateIds(), s.companions)}, s.enter("message")
}

func (s userSide) CheckPresence(_ context.Context, r *userv1.CheckPresenceRequest) (*userv1.CheckPresenceResponse, error) {
	return &userv1.CheckPresenceResponse{UserIds: both(r.GetUserIds(), s.shown)}, s.enter("user")
}

func (s *society) people(t *testing.T) *upstream.People {
	t.Helper()
	keys := identity.GenerateKeys(component.All()...)
	transport := rpcclient.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	client := func(of component.Name, mount func(*rpcserver.Server)) *rpcclient.Client {
		return rpcclient.New(rpcclient.Options{
			Self: component.Gateway, Audience: of, BaseURL: serve(t, of, keys[of], mount), Keys: keys[component.Gateway], Transport: transport,
		})
	}
	return upstream.NewPeople(
		client(component.Friend, func(r *rpcserver.Server) {
			r.Mount(friendv1connect.NewFriendServiceHandler(friendSide{society: s}, r.HandlerOptions()...))
		}),
		client(component.Message, func(r *rpcserver.Server) {
			r.Mount(messagev1connect.NewMessageServiceHandler(messageSide{society: s}, r.HandlerOptions()...))
		}),
		client(component.User, func(r *rpcserver.Server) {
			r.Mount(userv1connect.NewUserServiceHandler(userSide{society: s}, r.HandlerOptions()...))
		}),
	)
}

func TestF32_WhoMaySeeWhosePresence(t *testing.T) {
	t.Parallel()
	viewer := ids.NewUser()
	friend, companion, hidden, blocked, stranger := ids.NewUser(), ids.NewUser(), ids.NewUser(), ids.NewUser(), ids.NewUser()
	names := func(users ...ids.UserID) []string {
		var list []string
		for _, user := range users {
			list = append(list, user.String())
		}
		return list
	}
	s := &society{
		friends: names(friend, hidden), blocked: names(blocked), companions: names(companion, blocked, hidden),
		shown: names(friend, companion, blocked, stranger),
	}
	p := s.people(t)
	for name, row := range map[string]struct{ ask, want []ids.UserID }{
		"everybody":   {[]ids.UserID{stranger, friend, companion, hidden, blocked}, []ids.UserID{friend, companion}},
		"friends":     {[]ids.UserID{friend}, []ids.UserID{friend}},
		"a stranger":  {[]ids.UserID{stranger}, nil},
		"who blocks":  {[]ids.UserID{blocked}, nil},
		"who hides":   {[]ids.UserID{hidden}, []ids.UserID{}},
		"a companion": {[]ids.UserID{companion}, []ids.UserID{companion}},
	} {
		got, err := p.VisibleTo(t.Context(), viewer, row.ask)
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	s.asked = nil
	if _, err := p.VisibleTo(t.Context(), viewer, []ids.UserID{stranger, friend, companion}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"friend", "message", "user"}, s.asked); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for _, away := range s.asked {
		s.mu.Lock()
		s.away = away
		s.mu.Unlock()
		if _, err := p.VisibleTo(t.Context(), viewer, []ids.UserID{stranger, friend, companion}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("without the %s service: %v", away, err)
		}
	}
}
