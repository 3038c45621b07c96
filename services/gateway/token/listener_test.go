// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/token"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
)

// news hands over fixed bodies and records what became of them.
type news struct {
	bodies       [][]byte
	subscription broker.Subscription
	outcomes     []broker.Outcome
}

func (n *news) Subscribe(ctx context.Context, s broker.Subscription, handle func(context.Context, *broker.Delivery)) error {
	n.subscription = s
	for _, body := range n.bodies {
		handle(ctx, broker.NewDelivery("session.ended", body, false, func(o broker.Outcome) { n.outcomes = append(n.outcomes, o) }))
	}
	return nil
}

func endedBody(t *testing.T, revocations ...*userv1.Revocation) []byte {
	t.Helper()
	body, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		Type:    eventv1.EventType_EVENT_TYPE_SESSION_ENDED,
		Payload: &eventv1.Event_SessionsEnded{SessionsEnded: &eventv1.SessionsEnded{Revocations: revocations}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// The verifier has asked once and does not ask again here: only the broker tells.
func TestNewsOfAnEndedSessionCountAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers()
		amy, ben := u.login("amy"), u.login("ben")
		g := start(t, u)
		g.proves(t, "amy", amy)
		g.proves(t, "ben", ben)
		n := &news{bodies: [][]byte{
			{0xff},
			endedBody(t, &userv1.Revocation{LoginSessionId: "nobody"}),
			endedBody(t, &userv1.Revocation{LoginSessionId: amy.Session.String(), Reason: userv1.EndReason_END_REASON_SUSPENDED}),
		}}
		listener := token.Listener{Pod: "gateway-0", Subscriber: n, Verifier: g.Verifier, Logger: slog.New(slog.DiscardHandler)}
		if err := listener.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.refuses(t, "amy", fault.Unauthenticated)
		g.proves(t, "ben", ben)
		if diff := cmp.Diff([]ended{{amy.Session, gateway.EndSuspended}}, g.heard()); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]broker.Outcome{broker.Rejected, broker.Rejected, broker.Acked}, n.outcomes); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		want := broker.Subscription{Name: "gateway-0", Exchange: "parley.events", RoutingKeys: []string{"session.ended"}, MaxBytes: 1 << 20}
		if diff := cmp.Diff(want, n.subscription); diff != "" {
			t.Errorf("subscription (-want +got):\n%s", diff)
		}
	})
}
