// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/broker"
)

// maxEndingBytes bounds what waits in the queue of one pod: 10,000 revocations. Chosen.
const maxEndingBytes = 1 << 20

// Listener hears of ended login sessions from the broker, mostly before the Verifier has asked.
type Listener struct {
	Pod        string // own name, prefix of the queue
	Subscriber broker.Subscriber
	Verifier   *Verifier
	Logger     *slog.Logger
}

// Run listens until ctx ends. What is missed while the broker is away is found by asking.
func (l *Listener) Run(ctx context.Context) error {
	return l.Subscriber.Subscribe(ctx, broker.Subscription{
		Name: l.Pod, Exchange: broker.EventsExchange, RoutingKeys: []string{"session.ended"}, MaxBytes: maxEndingBytes,
	}, l.handle)
}

func (l *Listener) handle(ctx context.Context, d *broker.Delivery) {
	var batch eventv1.EventBatch
	err := proto.Unmarshal(d.Body, &batch)
	for _, event := range batch.GetEvents() {
		for _, r := range event.GetSessionsEnded().GetRevocations() {
			if err == nil {
				err = l.Verifier.revoke(r)
			}
		}
	}
	if err != nil {
		l.Logger.ErrorContext(ctx, "news of ended login sessions cannot be read", "error", err)
		d.Reject()
		return
	}
	d.Ack()
}
