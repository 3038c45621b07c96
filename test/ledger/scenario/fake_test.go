// SPDX-License-Identifier: Apache-2.0

package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// flaw says what a pretended system does wrong, for each nth message; 0: never.
type flaw struct {
	loseDelivery  int64 // one device never hears of it
	loseMessage   int64 // acknowledged and not stored
	storeTwice    int64
	wrongSeq      int64 // the acknowledgement names the next seq
	refuse        int64
	deliverTwice  int64
	deliverStolen int64 // to a stranger too
}

// pretended is a whole chat in memory, with one flaw.
type pretended struct {
	userv1connect.UnimplementedAuthServiceHandler
	friendv1connect.UnimplementedFriendServiceHandler
	messagev1connect.UnimplementedMessageServiceHandler
	flaw flaw

	mu       sync.Mutex // guards what follows
	sends    int64
	requests map[string]string // friend request → asked user and who asked
	pairs    map[string][2]string
	stored   map[string][]*messagev1.Message
	links    []*link
}

func newPretended(t *testing.T, f flaw) (*pretended, string) {
	t.Helper()
	p := &pretended{flaw: f, requests: map[string]string{}, pairs: map[string][2]string{}, stored: map[string][]*messagev1.Message{}}
	mux := http.NewServeMux()
	mux.Handle(userv1connect.NewAuthServiceHandler(p))
	mux.Handle(friendv1connect.NewFriendServiceHandler(p))
	mux.Handle(messagev1connect.NewMessageServiceHandler(p))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return p, server.URL
}

// The token is the user's id, which is made from the name.
func idOf(name string) string { return uuid.NewSHA1(uuid.Nil, []byte(name)).String() }

func (p *pretended) Register(_ context.Context, r *userv1.RegisterRequest) (*userv1.RegisterResponse, error) {
	id := idOf(r.GetUsername())
	return &userv1.RegisterResponse{User: &userv1.Me{User: &userv1.User{UserId: id}}, Token: id}, nil
}

func (p *pretended) Login(_ context.Context, r *userv1.LoginRequest) (*userv1.LoginResponse, error) {
	id := idOf(r.GetUsername())
	return &userv1.LoginResponse{User: &userv1.Me{User: &userv1.User{UserId: id}}, Token: id}, nil
}

func (p *pretended) SendRequest(ctx context.Context, r *friendv1.SendRequestRequest) (*friendv1.SendRequestResponse, error) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	id := uuid.NewString()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs[id] = [2]string{info.RequestHeader().Get("Authorization")[len("Bearer "):], r.GetUserId()}
	return &friendv1.SendRequestResponse{Request: &friendv1.FriendRequest{RequestId: id}}, nil
}

// RespondToRequest opens a conversation with the id of the request.
func (p *pretended) RespondToRequest(_ context.Context, r *friendv1.RespondToRequestRequest) (*friendv1.RespondToRequestResponse, error) {
	return &friendv1.RespondToRequestResponse{ConversationId: r.GetRequestId()}, nil
}

func (p *pretended) ListMessages(_ context.Context, r *messagev1.ListMessagesRequest) (*messagev1.ListMessagesResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.stored[r.GetConversationId()]
	from := min(int(r.GetAfterSeq()), len(all))
	until := min(from+int(r.GetLimit()), len(all))
	return &messagev1.ListMessagesResponse{
		Items: slices.Clone(all[from:until]), Head: &messagev1.Head{Seq: int64(len(all))},
	}, nil
}

// link is a device of the pretended system.
type link struct {
	system *pretended
	login  scenario.Login
}

func (p *pretended) dial(_ context.Context, l scenario.Login) (scenario.Link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := &link{p, l}
	p.links = append(p.links, one)
	l.Connected(1)
	return one, nil
}

func (l *link) Close() error { return nil }

func (l *link) Send(_ context.Context, conversation, text string, leaving func(string)) (*messagev1.Sent, error) {
	p := l.system
	id := uuid.NewString()
	leaving(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sends++
	hits := func(every int64) bool { return every > 0 && p.sends%every == 0 }
	if hits(p.flaw.refuse) {
		return nil, fmt.Errorf("a fake refusal: %w", scenario.ErrRefused)
	}
	m := &messagev1.Message{
		ConversationId: conversation, Seq: int64(len(p.stored[conversation]) + 1), MessageId: uuid.NewString(), ClientMessageId: id,
		SenderId: l.login.UserID, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: text}},
	}
	sent := &messagev1.Sent{ConversationId: conversation, ClientMessageId: id, MessageId: m.GetMessageId(), Seq: m.GetSeq()}
	if hits(p.flaw.loseMessage) {
		return sent, nil
	}
	if hits(p.flaw.wrongSeq) {
		sent.Seq++
	}
	p.store(m, hits)
	if hits(p.flaw.storeTwice) {
		twin := &messagev1.Message{
			ConversationId: conversation, Seq: m.GetSeq() + 1, MessageId: uuid.NewString(), ClientMessageId: id, SenderId: m.GetSenderId(), Content: m.GetContent(),
		}
		p.store(twin, func(int64) bool { return false })
	}
	return sent, nil
}

// store keeps a message and shows it to the devices of both members.
func (p *pretended) store(m *messagev1.Message, hits func(int64) bool) {
	p.stored[m.GetConversationId()] = append(p.stored[m.GetConversationId()], m)
	pair := p.pairs[m.GetConversationId()]
	lost := false
	for _, l := range p.links {
		member := l.login.UserID == pair[0] || l.login.UserID == pair[1]
		switch {
		case !member && !hits(p.flaw.deliverStolen):
			continue
		case member && hits(p.flaw.loseDelivery) && !lost:
			lost = true
			continue
		}
		l.login.Show(m)
		if hits(p.flaw.deliverTwice) {
			l.login.Show(m)
		}
	}
}
