// SPDX-License-Identifier: Apache-2.0

// Package connectapi answers the RPCs of a gateway itself.
//
// HomeService is the registry of this pod for other pods. SessionService tells clients where to open
// the WebSocket. Every other method of the public listen port belongs to another component.
package connectapi

import (
	"context"
	"strconv"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Registrar is the registry of this pod; gateway.Hub is one.
type Registrar interface {
	// Register does the registrations of one holder, each with its result in its place.
	Register(holder string, items []gateway.Registration) []gateway.Registered
	// Watch answers how users are, and tells the holder for a while when that changes.
	Watch(holder string, users []ids.UserID) []gateway.Watched
}

// Home is HomeService.
type Home struct{ registrar Registrar }

var _ gatewayv1connect.HomeServiceHandler = (*Home)(nil)

// NewHome answers from a registry.
func NewHome(r Registrar) *Home { return &Home{registrar: r} }

// Register registers, renews and ends sessions.
func (h *Home) Register(_ context.Context, request *gatewayv1.RegisterRequest) (*gatewayv1.RegisterResponse, error) {
	items := make([]gateway.Registration, 0, len(request.GetItems()))
	for _, i := range request.GetItems() {
		item, err := fromItem(i)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	response := &gatewayv1.RegisterResponse{}
	for _, r := range h.registrar.Register(request.GetHolder(), items) {
		response.Results = append(response.Results, &gatewayv1.RegisterResponse_Result{
			Epoch: r.Epoch, Superseded: r.Superseded, NotHome: r.NotHome, Fresh: r.Fresh,
		})
	}
	return response, nil
}

// Watch answers how users are.
func (h *Home) Watch(_ context.Context, request *gatewayv1.WatchRequest) (*gatewayv1.WatchResponse, error) {
	users := make([]ids.UserID, len(request.GetUserIds()))
	for i, b := range request.GetUserIds() {
		copy(users[i][:], b)
	}
	response := &gatewayv1.WatchResponse{}
	for _, w := range h.registrar.Watch(request.GetHolder(), users) {
		response.Results = append(response.Results, &gatewayv1.WatchResponse_Result{
			State: gatewayv1.PresenceState(w.State), LastActiveAt: w.ActiveAt, NotHome: w.NotHome,
		})
	}
	return response, nil
}

func fromItem(i *gatewayv1.RegisterRequest_Item) (gateway.Registration, error) {
	user, err := ids.ParseUser("user_id", i.GetUserId())
	if err != nil {
		return gateway.Registration{}, err
	}
	instance, err := ids.ParseInstance("instance_id", i.GetInstanceId())
	if err != nil {
		return gateway.Registration{}, err
	}
	session, err := ids.ParseSession("session_id", i.GetSessionId())
	if err != nil {
		return gateway.Registration{}, err
	}
	return gateway.Registration{
		Action: fromAction(i.GetAction()), User: user, Instance: instance, Session: session, Epoch: i.GetEpoch(),
		ActiveAt: i.GetActiveAt(),
	}, nil
}

func fromAction(a gatewayv1.RegisterRequest_Item_Action) gateway.Action {
	switch a {
	case gatewayv1.RegisterRequest_Item_ACTION_RENEW:
		return gateway.ActionRenew
	case gatewayv1.RegisterRequest_Item_ACTION_CLOSE:
		return gateway.ActionClose
	default:
		return gateway.ActionOpen
	}
}

// Session is SessionService.
type Session struct {
	// Ring is set where the way in routes by seat.
	Ring gateway.Ring
}

var _ gatewayv1connect.SessionServiceHandler = Session{}

// Resolve answers where to open the WebSocket: at the caller's seat where the way in routes by seat and a pod of it
// is ready, else anywhere.
func (s Session) Resolve(ctx context.Context, _ *gatewayv1.ResolveRequest) (*gatewayv1.ResolveResponse, error) {
	const path = "/v1/ws"
	if s.Ring != nil {
		if home, ok := s.Ring.View().Home(identity.FromContext(ctx).UserID); ok && home.Ready {
			return &gatewayv1.ResolveResponse{Path: path + "/" + strconv.FormatUint(uint64(home.Seat), 10)}, nil
		}
	}
	return &gatewayv1.ResolveResponse{Path: path}, nil
}
