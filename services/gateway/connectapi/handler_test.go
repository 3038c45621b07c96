// SPDX-License-Identifier: Apache-2.0

package connectapi_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/connectapi"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// registrar is a registry that knows nobody.
type registrar struct {
	holder string
	items  []gateway.Registration
	users  []ids.UserID
}

func (r *registrar) Register(holder string, items []gateway.Registration) []gateway.Registered {
	r.holder, r.items = holder, items
	out := make([]gateway.Registered, len(items))
	for i := range items {
		out[i] = gateway.Registered{Epoch: int64(i + 1), Superseded: i == 1, NotHome: i == 2, Fresh: i == 0}
	}
	return out
}

func (r *registrar) Watch(holder string, users []ids.UserID) []gateway.Watched {
	r.holder, r.users = holder, users
	out := make([]gateway.Watched, len(users))
	for i, user := range users {
		out[i] = gateway.Watched{Presence: gateway.Presence{User: user, State: gateway.PresenceState(i), ActiveAt: int64(i)}, NotHome: i == 1}
	}
	return out
}

func TestWatch(t *testing.T) {
	t.Parallel()
	first, second := ids.NewUser(), ids.NewUser()
	r := &registrar{}
	got, err := connectapi.NewHome(r).Watch(t.Context(), &gatewayv1.WatchRequest{Holder: "pod-b", UserIds: [][]byte{first[:], second[:]}})
	want := &gatewayv1.WatchResponse{Results: []*gatewayv1.WatchResponse_Result{
		{}, {State: gatewayv1.PresenceState_PRESENCE_STATE_ONLINE, LastActiveAt: 1, NotHome: true},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]ids.UserID{first, second}, r.users); diff != "" || r.holder != "pod-b" {
		t.Errorf("holder %q, users (-want +got):\n%s", r.holder, diff)
	}
}

func item(action gatewayv1.RegisterRequest_Item_Action) *gatewayv1.RegisterRequest_Item {
	return &gatewayv1.RegisterRequest_Item{
		Action: action, UserId: ids.NewUser().String(), InstanceId: ids.NewInstance().String(),
		SessionId: ids.NewSession().String(), Epoch: 7,
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	request := &gatewayv1.RegisterRequest{Holder: "pod-b", Items: []*gatewayv1.RegisterRequest_Item{
		item(gatewayv1.RegisterRequest_Item_ACTION_OPEN), item(gatewayv1.RegisterRequest_Item_ACTION_RENEW),
		item(gatewayv1.RegisterRequest_Item_ACTION_CLOSE),
	}}
	r := &registrar{}
	got, err := connectapi.NewHome(r).Register(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	want := &gatewayv1.RegisterResponse{Results: []*gatewayv1.RegisterResponse_Result{
		{Epoch: 1, Fresh: true}, {Epoch: 2, Superseded: true}, {Epoch: 3, NotHome: true},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if r.holder != "pod-b" {
		t.Errorf("holder %q", r.holder)
	}
	actions := []gateway.Action{gateway.ActionOpen, gateway.ActionRenew, gateway.ActionClose}
	for i, in := range request.GetItems() {
		out := r.items[i]
		if out.Action != actions[i] || out.User.String() != in.GetUserId() || out.Instance.String() != in.GetInstanceId() ||
			out.Session.String() != in.GetSessionId() || out.Epoch != 7 {
			t.Errorf("item %d became %+v", i, out)
		}
	}
}

func TestRegisterRefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*gatewayv1.RegisterRequest_Item){
		"user_id":     func(i *gatewayv1.RegisterRequest_Item) { i.UserId = "00000000-0000-0000-0000-000000000000" },
		"instance_id": func(i *gatewayv1.RegisterRequest_Item) { i.InstanceId = "x" },
		"session_id":  func(i *gatewayv1.RegisterRequest_Item) { i.SessionId = "" },
	} {
		i := item(gatewayv1.RegisterRequest_Item_ACTION_OPEN)
		spoil(i)
		r := &registrar{}
		_, err := connectapi.NewHome(r).Register(t.Context(), &gatewayv1.RegisterRequest{Holder: "b", Items: []*gatewayv1.RegisterRequest_Item{i}})
		if f, _ := fault.Of(err); !errors.Is(err, fault.ErrInvalid) || f.Metadata()["field"] != field || r.items != nil {
			t.Errorf("%s: %v, registered %v", field, err, r.items)
		}
	}
}

func TestResolveBySeat(t *testing.T) {
	t.Parallel()
	user, network := ids.NewUser(), gatewaytest.NewNetwork()
	ctx := identity.NewContext(t.Context(), identity.Caller{UserID: user})
	wantPath := func(why, want string) {
		t.Helper()
		got, err := connectapi.Session{Ring: network}.Resolve(ctx, &gatewayv1.ResolveRequest{})
		if err != nil || got.GetPath() != want {
			t.Errorf("%s: %v, %v, want %s", why, got, err, want)
		}
	}
	wantPath("an empty ring", "/v1/ws")
	network.Join("pod-a", nil)
	network.Join("pod-b", nil)
	network.SetHome(user, "pod-b")
	wantPath("a seat with a ready pod", "/v1/ws/1")
	network.SetReady("pod-b", false)
	wantPath("a seat whose only pod ends", "/v1/ws")
}

func TestResolve(t *testing.T) {
	t.Parallel()
	got, err := connectapi.Session{}.Resolve(t.Context(), &gatewayv1.ResolveRequest{})
	if err != nil || got.GetPath() != "/v1/ws" || got.GetAfterMs() != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
