// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/events"
)

// friendless forwards everything but what needs the friends of a user.
type friendless struct {
	mu       sync.Mutex // guards messages
	messages int
}

func (f *friendless) Forward(_ context.Context, list []transmit.Event, settled func(error)) {
	if !list[0].FriendsOf.IsZero() {
		settled(errors.New("the friend service is away"))
		return
	}
	f.mu.Lock()
	f.messages++
	f.mu.Unlock()
	settled(nil)
}

// TestMessagesPassWhileTheFriendServiceIsAway has more changed profiles than may be under way.
func TestMessagesPassWhileTheFriendServiceIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, forward := membroker.New(), &friendless{}
		consumer := events.New(events.Options{
			Subscriber: b, Forwarder: forward, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- consumer.Run(ctx) }()
		synctest.Wait()
		publish := func(key string, event *eventv1.Event) {
			t.Helper()
			m := broker.Message{Exchange: broker.EventsExchange, RoutingKey: key, Body: body(t, event), Persistent: true}
			if err := b.Publish(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			publish("user.updated", &eventv1.Event{
				EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_USER_UPDATED,
				Payload: &eventv1.Event_User{User: &userv1.User{UserId: ids.NewUser().String()}},
			})
		}
		publish("message.created", newFixture().message(1, "hello"))
		<-time.After(time.Minute)
		synctest.Wait()
		forward.mu.Lock()
		if forward.messages != 1 {
			t.Errorf("%d messages forwarded in a minute", forward.messages)
		}
		forward.mu.Unlock()
		cancel()
		if err := errors.Join(<-done, b.Close()); err != nil {
			t.Error(err)
		}
	})
}
