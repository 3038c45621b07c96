// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/outbox"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/wire"
)

const (
	// maxEndings bounds what waits to be published; more is dropped, and gateways ask for it. Chosen.
	maxEndings = 1024
	// maxTogether bounds the revocations of one AMQP message.
	maxTogether = 500
	// endingTTL is how long a gateway may be behind and still win time: by then it has asked.
	endingTTL = 10 * time.Second
)

// Endings publishes login sessions that ended, past the outbox: a gateway that hears of none finds them a
// second later by asking.
type Endings struct {
	publisher broker.Publisher
	now       func() time.Time
	logger    *slog.Logger
	waiting   chan user.Revocation
}

// NewEndings publishes through a broker once Run runs.
func NewEndings(publisher broker.Publisher, now func() time.Time, logger *slog.Logger) *Endings {
	return &Endings{publisher: publisher, now: now, logger: logger, waiting: make(chan user.Revocation, maxEndings)}
}

// offer never blocks; what does not fit is dropped.
func (e *Endings) offer(revocations []user.Revocation) {
	for _, r := range revocations {
		select {
		case e.waiting <- r:
		default:
			return
		}
	}
}

// Run publishes until ctx ends.
func (e *Endings) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-e.waiting:
			e.publish(ctx, e.together(first))
		}
	}
}

// together takes what else waits.
func (e *Endings) together(first user.Revocation) []*userv1.Revocation {
	list := []*userv1.Revocation{wire.Revocation(first)}
	for len(list) < maxTogether {
		select {
		case r := <-e.waiting:
			list = append(list, wire.Revocation(r))
		default:
			return list
		}
	}
	return list
}

// publish is where an error ends. That no gateway listens is no error at all.
func (e *Endings) publish(ctx context.Context, list []*userv1.Revocation) {
	body, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_SESSION_ENDED,
		OccurredAt: e.now().UnixMilli(),
		Payload:    &eventv1.Event_SessionsEnded{SessionsEnded: &eventv1.SessionsEnded{Revocations: list}},
	}}})
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, broker.PublishTimeout)
		defer cancel()
		err = e.publisher.Publish(ctx, broker.Message{
			Exchange: broker.EventsExchange, Body: body, TTL: endingTTL,
			RoutingKey: outbox.RoutingKey(eventv1.EventType_EVENT_TYPE_SESSION_ENDED),
		})
	}
	if err != nil && !errors.Is(err, broker.ErrUnroutable) && ctx.Err() == nil {
		e.logger.WarnContext(ctx, "gateways find ended login sessions by asking", "error", err)
	}
}
