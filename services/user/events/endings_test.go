// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
)

// bus answers publishes with its errors, one after the other, then with nil.
type bus struct {
	errs []error
	sent []broker.Message
}

func (r *bus) Publish(_ context.Context, m broker.Message) error {
	r.sent = append(r.sent, m)
	if len(r.errs) == 0 {
		return nil
	}
	err := r.errs[0]
	r.errs = r.errs[1:]
	return err
}

func TestEndedSessionsArePublishedTogetherAndNoErrorStopsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := &bus{errs: []error{broker.ErrUnroutable, errors.New("away")}}
		endings := events.NewEndings(r, time.Now, slog.New(slog.DiscardHandler))
		publisher := events.NewPublisher(nil, endings)
		many := make([]user.Revocation, 2000) // more than may wait
		reasons := []user.EndReason{user.Revoked, user.Replaced, user.Expired, user.Suspended, user.Deleted}
		for i := range many {
			many[i] = user.Revocation{SessionID: ids.NewLoginSession(), UserID: ids.NewUser(), Reason: reasons[i%5]}
		}
		publisher.OfferEnded(many)
		go func() { _ = endings.Run(ctx) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if len(r.sent) != 3 {
			t.Fatalf("%d messages, want 1,024 revocations in three", len(r.sent))
		}
		checkMessage(t, r.sent[0], many[:500])
		checkMessage(t, r.sent[2], many[1000:1024])
	})
}

func checkMessage(t *testing.T, m broker.Message, want []user.Revocation) {
	t.Helper()
	if m.Exchange != broker.EventsExchange || m.RoutingKey != "session.ended" || m.Persistent || m.TTL == 0 {
		t.Errorf("message %+v, want a fleeting one for session.ended", m)
	}
	var batch eventv1.EventBatch
	if err := proto.Unmarshal(m.Body, &batch); err != nil {
		t.Fatal(err)
	}
	got := batch.GetEvents()[0].GetSessionsEnded().GetRevocations()
	if len(got) != len(want) {
		t.Fatalf("%d revocations, want %d", len(got), len(want))
	}
	for i, w := range want {
		// The numbers of the domain and of the wire are the same.
		if got[i].GetLoginSessionId() != w.SessionID.String() || got[i].GetReason() != userv1.EndReason(w.Reason) {
			t.Errorf("revocation %d: %v, want %v", i, got[i], w)
		}
	}
}
