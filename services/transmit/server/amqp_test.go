// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/deliver"
	"github.com/parley-chat/parley/services/transmit/events"
	"github.com/parley-chat/parley/services/transmit/transmittest"
	"github.com/parley-chat/parley/services/transmit/upstream"
)

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contains(text, part string) bool { return strings.Contains(text, part) }

// TestMessagesArriveInOrderOverRabbitMQ has a queue of its own, so that it shares the server with others.
func TestMessagesArriveInOrderOverRabbitMQ(t *testing.T) {
	t.Parallel()
	address := os.Getenv("PARLEY_TEST_AMQP_URL")
	if address == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("needs RabbitMQ in PARLEY_TEST_AMQP_URL")
		}
		t.Skip("needs RabbitMQ in PARLEY_TEST_AMQP_URL; make test starts one")
	}
	quiet := slog.New(slog.DiscardHandler)
	b, err := amqpbroker.Open(amqpbroker.Options{URL: secret.New(address), Name: "transmit-test", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	name := "gateway-" + ids.NewUser().String()
	w := &world{broker: b, ring: ring.Static(member(0, name))}
	t.Cleanup(func() { _ = b.Close() })
	p := join(t, b, name)
	courier := deliver.New(deliver.Options{Publisher: b, Logger: quiet, Registerer: prometheus.NewRegistry()})
	service := transmit.New(transmit.Options{
		Ring: upstream.NewRing(w.ring), Friends: &transmittest.Friends{}, Courier: courier,
	})
	consumer := events.New(events.Options{
		Queue: "test." + name, Subscriber: b, Forwarder: service, Logger: quiet, Registerer: prometheus.NewRegistry(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	for _, run := range []func(context.Context) error{courier.Run, service.Run, consumer.Run} {
		go func() { ended <- run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Errorf("a part ended with %v", err)
			}
		}
	})
	conversation, amy := ids.NewConversation(), ids.NewUser()
	w.untilHeard(t, p, amy)
	const n = 300
	for seq := int64(1); seq <= n; seq++ {
		w.publish(t, "message.created", message(conversation, seq, amy))
	}
	p.follow(t, conversation, n)
}

// untilHeard publishes until the consumer has declared its queue.
func (w *world) untilHeard(t *testing.T, p *pod, user ids.UserID) {
	t.Helper()
	for {
		w.publish(t, "message.created", message(ids.NewConversation(), 1, user))
		select {
		case <-p.arrived:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// follow reads one conversation up to a position; others share the exchange.
func (p *pod) follow(t *testing.T, conversation ids.ConversationID, last int64) {
	t.Helper()
	for at := int64(0); at < last; {
		for _, d := range p.next(t).GetDeliveries() {
			frame := &gatewayv1.ServerFrame{}
			if err := proto.Unmarshal(d.GetFrame(), frame); err != nil {
				t.Fatal(err)
			}
			if frame.GetMessages().GetConversationId() != conversation.String() {
				continue
			}
			for _, m := range frame.GetMessages().GetItems() {
				if m.GetSeq() != at+1 {
					t.Fatalf("position %d follows %d", m.GetSeq(), at)
				}
				at = m.GetSeq()
			}
		}
	}
}
