// SPDX-License-Identifier: Apache-2.0

package amqpbroker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/test/integration/servers"
)

// followed is a bounded queue whose subscriber counts how often it begins anew.
func followed(name string) (s broker.Subscription, began *atomic.Int32) {
	s, began = queue(name), &atomic.Int32{}
	s.MaxLength = 1000
	s.Anew = func(context.Context) error { began.Add(1); return nil }
	return s, began
}

// older is how a build without bounds declares a queue and its dead letters.
func older(name string, parked ...string) func(ch *amqp.Channel) error {
	unbounded := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum, amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish}
	return func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name+broker.DeadSuffix, true, false, false, false, unbounded)
		if err == nil {
			_, err = ch.QueueDeclare(name, true, false, false, false, unbounded)
		}
		if err == nil {
			err = ch.Confirm(false)
		}
		for _, body := range parked {
			if err == nil {
				err = put(ch, name+broker.DeadSuffix, body)
			}
		}
		return err
	}
}

// put publishes to a queue and waits until it is there.
func put(ch *amqp.Channel, queue, body string) error {
	confirmed, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{Body: []byte(body), DeliveryMode: amqp.Persistent})
	if err == nil {
		confirmed.Wait()
	}
	return err
}

// A queue that goes while it is consumed begins anew, whether somebody deletes it or the node loses everything.
func deletedMeanwhile(t *testing.T, node *servers.RabbitMQ) {
	s, began := followed("gone")
	b := openBroker(t, node.URL())
	in := subscribe(t, b, s)
	in.waitBound(t, 1)
	admin(t, node, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete("gone", false, false, false)
		return err
	})
	in.waitBound(t, 2)
	if n := began.Load(); n != 2 {
		t.Errorf("it began %d times, want 2", n)
	}
	if err := node.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.waitBound(t, 3)
	if n := began.Load(); n != 3 {
		t.Errorf("it began %d times after a loss of all data, want 3", n)
	}
	publishSoon(t, b, message("gone.created", "after"))
	eventually(t, "the message has arrived", func() bool { return in.has("after") })
}

// While an older pod consumes a queue with other arguments, it goes on; after that the queue is replaced once, by
// whichever of two new pods is first.
func olderBuild(t *testing.T, node *servers.RabbitMQ) {
	const name = "older"
	admin(t, node, older(name))
	old, err := amqp.Dial(node.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	ch, err := old.Channel()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := ch.Consume(name, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, began := followed(name)
	brokers := []*amqpbroker.Broker{openBroker(t, node.URL()), openBroker(t, node.URL())}
	var boxes []*inbox
	for _, b := range brokers {
		boxes = append(boxes, subscribe(t, b, s))
		eventually(t, "the conflict is reported", func() bool {
			all := b.Status().Subscriptions
			return len(all) == 1 && all[0].Conflict
		})
	}
	admin(t, node, func(ch *amqp.Channel) error { return errors.Join(ch.Confirm(false), put(ch, name, "of old")) })
	if d := <-taken; string(d.Body) != "of old" || began.Load() > 0 {
		t.Errorf("the older pod got %q, and the queue began anew %d times beside it", d.Body, began.Load())
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	for i, b := range brokers {
		boxes[i].waitBound(t, 1)
		eventually(t, "the broker is connected", b.Connected)
	}
	if began.Load() == 0 {
		t.Error("nobody was told that the queue began anew")
	}
	publishSoon(t, brokers[0], message(name+".created", "new"))
	eventually(t, "the message has arrived", func() bool { return boxes[0].has("new") || boxes[1].has("new") })
}

// What an older build has parked is no reason to stop, and stays.
func olderParked(t *testing.T, node *servers.RabbitMQ) {
	const name = "olderparked"
	admin(t, node, older(name, "precious"))
	b := openBroker(t, node.URL())
	s, began := followed(name)
	running, stop := context.WithCancel(t.Context())
	defer stop()
	s.Bound = func(context.Context) {}
	go func() { _ = b.Subscribe(running, s, func(_ context.Context, d *broker.Delivery) { d.Reject() }) }()
	eventually(t, "it began anew", func() bool { return began.Load() == 1 })
	publishSoon(t, b, message(name+".created", "poison"))
	dead := subscribe(t, b, broker.Subscription{Queue: name + broker.DeadSuffix, MaxLength: s.MaxLength})
	for _, body := range []string{"precious", "poison"} {
		eventually(t, body+" is parked", func() bool { return dead.has(body) })
	}
	eventually(t, "the broker is connected", b.Connected)
}

// A queue that was made anew has its bound, and doctors see what fits without making anything.
func looksAt(t *testing.T, node *servers.RabbitMQ) {
	const name = "looked"
	conn, err := amqp.Dial(node.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, _ := followed(name)
	var seen []bool
	look := func() {
		t.Helper()
		found, err := amqpbroker.Look(t.Context(), conn, s)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, found.Found, found.Conflict != nil)
	}
	look()
	look()
	admin(t, node, older(name))
	look()
	in := subscribe(t, openBroker(t, node.URL()), s)
	in.waitBound(t, 1)
	look()
	if want := []bool{false, false, false, false, true, true, true, false}; !slices.Equal(seen, want) {
		t.Errorf("found and in conflict: %v, want %v", seen, want)
	}
}
