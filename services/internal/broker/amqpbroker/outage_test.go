// SPDX-License-Identifier: Apache-2.0

package amqpbroker_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/test/integration/servers"
)

// The rows share one node, one after another.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	node := startRabbitMQ(t)
	for _, row := range []struct {
		name string
		run  func(t *testing.T, node *servers.RabbitMQ)
	}{
		{"F12 a clean restart loses nothing that was confirmed or is repeated", func(t *testing.T, node *servers.RabbitMQ) {
			publishThrough(t, node, func() error { return node.Restart(t.Context()) })
		}},
		// RabbitMQ 3.10 writes its list of quorum queues every three minutes and at a clean stop: a node that is
		// killed earlier has forgotten a new queue, and whoever consumes it waits for ever. Hence the first restart.
		{"F13 a killed node loses nothing that was confirmed or is repeated", func(t *testing.T, node *servers.RabbitMQ) {
			publishThrough(t, node, func() error {
				if err := node.Restart(t.Context()); err != nil {
					return err
				}
				node.Kill()
				return node.Restart(t.Context())
			})
		}},
		{"F13 a wiped node is declared and bound again", wiped},
		{"F14 an alarm makes publishing unavailable and ends by itself", alarmed},
		{"F16 a deleted queue is declared again", queueDeleted},
		{"F16 a deleted exchange is declared and bound again", exchangeDeleted},
		{"W3 a queue with other arguments is reported and not consumed", conflicting},
		{"F37 a queue that is deleted while it is consumed begins anew", deletedMeanwhile},
		{"F37 a queue of an older build is replaced when nobody consumes it", olderBuild},
		{"F37 what an older build has parked stays", olderParked},
		{"F37 a look changes nothing", looksAt},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, node) }) //nolint:paralleltest // they share the node
	}
}

func message(key, body string) broker.Message {
	return broker.Message{Exchange: broker.EventsExchange, RoutingKey: key, Body: []byte(body), Persistent: true}
}

func queue(name string) broker.Subscription {
	return broker.Subscription{Queue: name, Exchange: broker.EventsExchange, RoutingKeys: []string{name + ".*"}}
}

// publishThrough repeats each message until it is confirmed, while the broker goes and comes.
func publishThrough(t *testing.T, node *servers.RabbitMQ, outage func() error) {
	t.Helper()
	const messages, publishers = 100, 5
	name := "through" + strconv.Itoa(len(t.Name()))
	b := openBroker(t, node.URL())
	in := subscribe(t, b, queue(name))
	pod := subscribe(t, b, broker.Subscription{Name: name, Exchange: broker.DeliverExchange, RoutingKeys: []string{name}})
	in.waitBound(t, 1)
	pod.waitBound(t, 1)
	var publishing, started sync.WaitGroup
	started.Add(publishers)
	for p := range publishers {
		publishing.Go(func() {
			for i := range messages {
				body := strconv.Itoa(p) + "." + strconv.Itoa(i)
				for b.Publish(t.Context(), message(name+".created", body)) != nil {
					if t.Context().Err() != nil {
						return
					}
				}
				if i == messages/10 {
					started.Done()
				}
			}
		})
	}
	started.Wait()
	if err := outage(); err != nil {
		t.Fatal(err)
	}
	publishing.Wait()
	for p := range publishers {
		for i := range messages {
			body := strconv.Itoa(p) + "." + strconv.Itoa(i)
			eventually(t, body+" has arrived", func() bool { return in.has(body) })
		}
	}
	pod.waitBound(t, 2)
	if binds, lost := pod.counts(); lost != binds-1 {
		t.Errorf("%d binds, %d losses", binds, lost)
	}
	eventually(t, "the broker is connected", b.Connected)
}

func wiped(t *testing.T, node *servers.RabbitMQ) {
	b := openBroker(t, node.URL())
	in := subscribe(t, b, queue("wiped"))
	in.waitBound(t, 1)
	if err := node.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.waitBound(t, 2)
	publishSoon(t, b, message("wiped.created", "after"))
	eventually(t, "the message has arrived", func() bool { return in.has("after") })
}

// publishSoon repeats while the broker comes back.
func publishSoon(t *testing.T, b broker.Publisher, m broker.Message) {
	t.Helper()
	eventually(t, "the message is confirmed", func() bool { return b.Publish(t.Context(), m) == nil })
}

func alarmed(t *testing.T, node *servers.RabbitMQ) {
	b := openBroker(t, node.URL())
	in := subscribe(t, b, queue("alarmed"))
	in.waitBound(t, 1)
	publishSoon(t, b, message("alarmed.created", "before"))
	if err := node.Ctl(t.Context(), "set_vm_memory_high_watermark", "absolute", "1MB"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "publishing is unavailable", func() bool {
		return errors.Is(b.Publish(t.Context(), message("alarmed.created", "during")), fault.ErrUnavailable)
	})
	if s := b.Status(); !s.Publishing.Blocked || b.Connected() {
		t.Errorf("status %+v", s)
	}
	if binds, _ := in.counts(); binds != 1 {
		t.Errorf("the consumer was bound %d times", binds)
	}
	if err := node.Ctl(t.Context(), "set_vm_memory_high_watermark", "0.4"); err != nil {
		t.Fatal(err)
	}
	publishSoon(t, b, message("alarmed.created", "after"))
	eventually(t, "the message has arrived", func() bool { return in.has("after") })
	eventually(t, "the broker is connected", b.Connected)
}

// admin does what a person would with the management tools.
func admin(t *testing.T, node *servers.RabbitMQ, do func(ch *amqp.Channel) error) {
	t.Helper()
	conn, err := amqp.Dial(node.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := do(ch); err != nil {
		t.Fatal(err)
	}
}

func queueDeleted(t *testing.T, node *servers.RabbitMQ) {
	b := openBroker(t, node.URL())
	in := subscribe(t, b, queue("deleted"))
	in.waitBound(t, 1)
	admin(t, node, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete("deleted", false, false, false)
		return err
	})
	in.waitBound(t, 2)
	publishSoon(t, b, message("deleted.created", "after"))
	eventually(t, "the message has arrived", func() bool { return in.has("after") })
}

func exchangeDeleted(t *testing.T, node *servers.RabbitMQ) {
	b := openBroker(t, node.URL())
	in := subscribe(t, b, queue("unbound"))
	in.waitBound(t, 1)
	admin(t, node, func(ch *amqp.Channel) error { return ch.ExchangeDelete(broker.EventsExchange, false, false) })
	publishSoon(t, b, message("unbound.created", "after")) // unroutable until the subscription looks again
	eventually(t, "the message has arrived", func() bool { return in.has("after") })
}

func conflicting(t *testing.T, node *servers.RabbitMQ) {
	b := openBroker(t, node.URL())
	admin(t, node, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("differs", true, false, false, false, nil)
		return errors.Join(err, ch.PublishWithContext(t.Context(), "", "differs", false, false, amqp.Publishing{Body: []byte("foreign")}))
	})
	in := subscribe(t, b, queue("differs"))
	eventually(t, "the conflict is reported", func() bool {
		s := b.Status().Subscriptions
		return len(s) == 1 && s[0].Conflict && s[0].Error != ""
	})
	if b.Connected() || in.has("foreign") {
		t.Error("the queue was consumed as if it were right")
	}
	admin(t, node, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete("differs", false, false, false)
		return err
	})
	in.waitBound(t, 1)
	eventually(t, "the broker is connected", b.Connected)
}

func TestABrokerThatIsNotThereBlocksNobodyForLong(t *testing.T) {
	t.Parallel()
	b := openBroker(t, "amqp://guest:guest@127.0.0.1:1/")
	in := subscribe(t, b, queue("nowhere"))
	if err := b.Publish(t.Context(), message("x", "")); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, message("x", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if binds, lost := in.counts(); b.Connected() || binds != 0 || lost != 0 {
		t.Error("it said to be connected")
	}
}
