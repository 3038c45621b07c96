// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/api/component"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// userService stands for the user service.
type userService struct {
	userv1connect.UnimplementedUserServiceHandler
	mu    sync.Mutex // guards users
	users []*userv1.User
}

func (s *userService) add(name string) *userv1.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &userv1.User{UserId: ids.NewUser().String(), Username: name, Nickname: strings.ToUpper(name)}
	s.users = append(s.users, u)
	return u
}

func (s *userService) BatchGetUsers(_ context.Context, r *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &userv1.BatchGetUsersResponse{}
	for _, u := range s.users {
		if slices.Contains(r.GetUserIds(), u.GetUserId()) {
			answer.Users = append(answer.Users, u)
		}
	}
	return answer, nil
}

func (s *userService) SearchUsers(_ context.Context, r *userv1.SearchUsersRequest) (*userv1.SearchUsersResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := &userv1.SearchUsersResponse{}
	for _, u := range s.users {
		exact := u.GetUsername() == r.GetQuery()
		if exact == (r.GetPart() == userv1.SearchPart_SEARCH_PART_EXACT) && strings.HasPrefix(u.GetUsername(), r.GetQuery()) && !slices.Contains(r.GetExcludedUserIds(), u.GetUserId()) {
			answer.Users = append(answer.Users, u)
		}
	}
	return answer, nil
}

// conversationService stands for the message service: one conversation, open or closed.
type conversationService struct {
	messagev1connect.UnimplementedConversationServiceHandler
	mu      sync.Mutex // guards all below
	id      string
	away    bool
	open    bool
	version int64
	changed chan struct{} // one token after each call that worked
}

func (s *conversationService) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *conversationService) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *conversationService) OpenDirect(_ context.Context, r *messagev1.OpenDirectRequest) (*messagev1.OpenDirectResponse, error) {
	return &messagev1.OpenDirectResponse{ConversationId: s.id}, s.change(r.GetRelationVersion(), true)
}

func (s *conversationService) CloseDirect(_ context.Context, r *messagev1.CloseDirectRequest) (*messagev1.CloseDirectResponse, error) {
	return &messagev1.CloseDirectResponse{}, s.change(r.GetRelationVersion(), false)
}

func (s *conversationService) change(version int64, open bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return fault.ErrUnavailable
	}
	if version > s.version {
		s.version, s.open = version, open
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return nil
}

// messageService stands for the message service: nobody is in a group.
type messageService struct {
	messagev1connect.UnimplementedMessageServiceHandler
}

func (messageService) CheckCompanions(context.Context, *messagev1.CheckCompanionsRequest) (*messagev1.CheckCompanionsResponse, error) {
	return &messagev1.CheckCompanionsResponse{}, nil
}

// serveUpstreams answers the addresses of the user and the message service.
func serveUpstreams(t *testing.T, keys map[component.Name]identity.Keys, users *userService, conversations *conversationService) (userURL, messageURL string) {
	t.Helper()
	stack := func(name component.Name) *rpcserver.Server {
		return rpcserver.New(rpcserver.Options{Component: name, Keys: keys[name], Logger: slog.New(slog.DiscardHandler)})
	}
	user, message := stack(component.User), stack(component.Message)
	user.Mount(userv1connect.NewUserServiceHandler(users, user.HandlerOptions()...))
	message.Mount(messagev1connect.NewConversationServiceHandler(conversations, message.HandlerOptions()...))
	message.Mount(messagev1connect.NewMessageServiceHandler(messageService{}, message.HandlerOptions()...))
	userServer, messageServer := httptest.NewServer(user.Handler()), httptest.NewServer(message.Handler())
	t.Cleanup(userServer.Close)
	t.Cleanup(messageServer.Close)
	return userServer.URL, messageServer.URL
}
