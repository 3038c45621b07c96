// SPDX-License-Identifier: Apache-2.0

package amqpbroker // confirms and returns come from the broker only in its own order

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/secret"
)

func newPublication(ctx context.Context, body string) *publication {
	return &publication{ctx: ctx, m: broker.Message{Body: []byte(body)}, done: make(chan error, 1)}
}

func TestW2_AReturnBeforeItsConfirmIsAFailure(t *testing.T) {
	t.Parallel()
	s := &publishing{
		returns: make(chan amqp.Return, 10), confirms: make(chan amqp.Confirmation, 10), unconfirmed: newWindow(),
	}
	pubs := map[string]*publication{}
	for _, id := range []string{"1", "2", "3"} {
		pubs[id] = newPublication(t.Context(), id)
		s.unconfirmed.add(id, pubs[id])
	}
	s.returns <- amqp.Return{MessageId: "2"} // not yet read when its confirm is
	s.confirm(amqp.Confirmation{DeliveryTag: 1, Ack: true})
	s.confirm(amqp.Confirmation{DeliveryTag: 2, Ack: true})
	s.confirm(amqp.Confirmation{DeliveryTag: 3, Ack: false})
	s.confirm(amqp.Confirmation{DeliveryTag: 9, Ack: true}) // unknown
	want := map[string]error{"1": nil, "2": broker.ErrUnroutable, "3": fault.ErrUnavailable}
	for id, pub := range pubs {
		if err := <-pub.done; !errors.Is(err, want[id]) {
			t.Errorf("%s: got %v, want %v", id, err, want[id])
		}
	}
	if !s.unconfirmed.empty() {
		t.Error("something is left")
	}
}

func TestW1_WhatAClosedChannelLeftIsRepeatedInOrderUnlessItsCallerHasGone(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWindow()
	w.add("a", newPublication(t.Context(), "confirmed"))
	w.add("b", newPublication(t.Context(), "first"))
	w.add("c", newPublication(gone, "gone"))
	w.add("d", newPublication(t.Context(), "second"))
	w.take(1)
	var got []string
	for _, pub := range w.rest() {
		got = append(got, string(pub.m.Body))
	}
	if diff := cmp.Diff([]string{"first", "second"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWindowIsBounded(t *testing.T) {
	t.Parallel()
	s := &publishing{p: newPublisher(Options{Logger: slog.New(slog.DiscardHandler)}), l: &link{}, unconfirmed: newWindow()}
	for i := range maxOutstanding {
		if s.requests() == nil {
			t.Fatalf("closed after %d", i)
		}
		s.unconfirmed.add(strings.Repeat("x", i+1), newPublication(t.Context(), ""))
	}
	if s.requests() != nil {
		t.Error("still open")
	}
	s.unconfirmed.take(1)
	s.l.blocked = true
	if s.requests() != nil {
		t.Error("open while the broker is blocked")
	}
}

func TestABrokerThatConfirmsNothingIsLeft(t *testing.T) {
	t.Parallel()
	s := &publishing{l: &link{}, unconfirmed: newWindow()}
	for range 3 * confirmTicks {
		if s.stalled() {
			t.Fatal("left an idle broker")
		}
	}
	s.unconfirmed.add("1", newPublication(t.Context(), ""))
	ticks := 1
	for !s.stalled() {
		ticks++
	}
	if ticks != confirmTicks {
		t.Errorf("left after %d ticks", ticks)
	}
}

func TestAURLThatIsNoneIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://u:hunter2@h/", "amqp://u:hunter2@h:x/"} {
		_, err := Open(Options{URL: secret.New(url)})
		if !errors.Is(err, broker.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
