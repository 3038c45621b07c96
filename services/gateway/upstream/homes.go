// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/api/component"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
)

// maxHomes bounds the clients that are kept, one per address; old addresses of pods add up.
const maxHomes = 256

// Homes is gateway.Homes: it calls the pods of the ring at their own addresses.
type Homes struct {
	keys      identity.Keys
	transport http.RoundTripper
	now       func() time.Time

	mu      sync.Mutex // guards clients
	clients map[string]gatewayv1connect.HomeServiceClient
}

var _ gateway.Homes = (*Homes)(nil)

// NewHomes makes the clients of home pods.
func NewHomes(keys identity.Keys, transport http.RoundTripper, now func() time.Time) *Homes {
	return &Homes{keys: keys, transport: transport, now: now, clients: map[string]gatewayv1connect.HomeServiceClient{}}
}

// Register calls one home pod.
func (h *Homes) Register(
	ctx context.Context, home gateway.Member, holder string, items []gateway.Registration,
) ([]gateway.Registered, error) {
	request := &gatewayv1.RegisterRequest{Holder: holder}
	for _, item := range items {
		request.Items = append(request.Items, &gatewayv1.RegisterRequest_Item{
			Action: toAction(item.Action), UserId: item.User.String(), InstanceId: item.Instance.String(),
			SessionId: item.Session.String(), Epoch: item.Epoch, ActiveAt: item.ActiveAt,
		})
	}
	ctx = identity.NewContext(ctx, identity.Caller{}) // the pod asks for itself
	response, err := h.client(home.URL).Register(ctx, request)
	if err != nil {
		return nil, err
	}
	results := make([]gateway.Registered, 0, len(items))
	for _, r := range response.GetResults() {
		results = append(results, gateway.Registered{
			Epoch: r.GetEpoch(), Superseded: r.GetSuperseded(), NotHome: r.GetNotHome(), Fresh: r.GetFresh(),
		})
	}
	return results, nil
}

// Watch calls one home pod.
func (h *Homes) Watch(ctx context.Context, home gateway.Member, holder string, users []ids.UserID) ([]gateway.Watched, error) {
	request := &gatewayv1.WatchRequest{Holder: holder}
	for i := range users {
		request.UserIds = append(request.UserIds, users[i][:])
	}
	ctx = identity.NewContext(ctx, identity.Caller{}) // the pod asks for itself
	response, err := h.client(home.URL).Watch(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(response.GetResults()) != len(users) {
		return nil, errors.New("a home pod answered about another number of users")
	}
	results := make([]gateway.Watched, len(users))
	for i, r := range response.GetResults() {
		results[i] = gateway.Watched{
			Presence: gateway.Presence{User: users[i], State: gateway.PresenceState(r.GetState()), ActiveAt: r.GetLastActiveAt()},
			NotHome:  r.GetNotHome(),
		}
	}
	return results, nil
}

func (h *Homes) client(url string) gatewayv1connect.HomeServiceClient {
	h.mu.Lock()
	defer h.mu.Unlock()
	client := h.clients[url]
	if client == nil {
		if len(h.clients) >= maxHomes {
			clear(h.clients)
		}
		c := rpcclient.New(rpcclient.Options{
			Self: component.Gateway, Audience: component.Gateway, BaseURL: url, Keys: h.keys, Transport: h.transport, Now: h.now,
		})
		client = gatewayv1connect.NewHomeServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
		h.clients[url] = client
	}
	return client
}

func toAction(a gateway.Action) gatewayv1.RegisterRequest_Item_Action {
	switch a {
	case gateway.ActionRenew:
		return gatewayv1.RegisterRequest_Item_ACTION_RENEW
	case gateway.ActionClose:
		return gatewayv1.RegisterRequest_Item_ACTION_CLOSE
	default:
		return gatewayv1.RegisterRequest_Item_ACTION_OPEN
	}
}

// Ring is gateway.Ring on a source.
type Ring struct{ source ring.Source }

var _ gateway.Ring = Ring{}

// NewRing wraps a source.
func NewRing(source ring.Source) Ring { return Ring{source: source} }

// View is the ring now.
func (r Ring) View() gateway.View { return view{r.source.View()} }

// Changed is closed at the next change.
func (r Ring) Changed() <-chan struct{} { return r.source.Changed() }

type view struct{ ring.View }

// Home is the user's home pod.
func (v view) Home(user ids.UserID) (gateway.Member, bool) {
	m, ok := v.View.Home(user)
	return member(m), ok
}

// Members are all serving pods.
func (v view) Members() []gateway.Member {
	var list []gateway.Member
	for _, m := range v.View.Members() {
		list = append(list, member(m))
	}
	return list
}

func member(m ring.Member) gateway.Member {
	return gateway.Member{Seat: m.Seat, Pod: m.Pod, URL: m.URL, Ready: m.Ready}
}
