// SPDX-License-Identifier: Apache-2.0

package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/deliver"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bus is a broker of which a test holds both ends.
type bus struct {
	mu        sync.Mutex // guards everything below
	published []broker.Message
	err       error
	stuck     chan struct{} // non-nil: publishing waits
	sub       broker.Subscription
	handle    func(context.Context, *broker.Delivery)
}

func (b *bus) Publish(ctx context.Context, m broker.Message) error {
	b.mu.Lock()
	stuck := b.stuck
	b.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published = append(b.published, m)
	return b.err
}

func (b *bus) Subscribe(ctx context.Context, s broker.Subscription, handle func(context.Context, *broker.Delivery)) error {
	b.mu.Lock()
	b.sub, b.handle = s, handle
	b.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (b *bus) set(err error, stuck chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.stuck = err, stuck
}

// envelopes takes what was published, decoded.
func (b *bus) envelopes(t *testing.T) []*transmitv1.Envelope {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*transmitv1.Envelope
	for _, m := range b.published {
		e := &transmitv1.Envelope{}
		if err := proto.Unmarshal(m.Body, e); err != nil {
			t.Fatal(err)
		}
		if m.Exchange != broker.DeliverExchange || m.Persistent {
			t.Errorf("published to %s, persistent %v", m.Exchange, m.Persistent)
		}
		list = append(list, e)
	}
	b.published = nil
	return list
}

// hub writes down what it is told.
type hub struct {
	mu  sync.Mutex // guards log
	log []string
	got []gateway.Delivery
}

func (h *hub) note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, text)
}

func (h *hub) Deliver(ds []gateway.Delivery, forwarded bool) {
	h.note(fmt.Sprintf("deliver %d %v", len(ds), forwarded))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, ds...)
}

func (h *hub) EnvelopeLost(forwarded bool) {
	if forwarded {
		h.note("forwarded lost")
		return
	}
	h.note("lost")
}

func (h *hub) BrokerLost() { h.note("away") }

func (h *hub) BrokerBound() { h.note("bound") }

func (h *hub) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.Join(h.log, ", ")
	h.log = nil
	return text
}

// inBubble runs a consumer and a courier on one bus.
func inBubble(t *testing.T, test func(t *testing.T, b *bus, h *hub, c *deliver.Courier)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, h := &bus{}, &hub{}
		consumer := deliver.NewConsumer(deliver.ConsumerOptions{
			Pod: "pod-a", Subscriber: b, Receiver: h, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		})
		courier := deliver.NewCourier(b, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- consumer.Run(ctx) }()
		go func() { done <- courier.Run(ctx) }()
		synctest.Wait()
		if got := h.take(); got != "away" {
			t.Errorf("before the first bind: %q", got)
		}
		test(t, b, h, courier)
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		courier.Send("pod-b", gateway.Delivery{}, true) // after the end: dropped
	})
}

// arrive hands an envelope to the consumer and answers how it was settled.
func (b *bus) arrive(t *testing.T, e *transmitv1.Envelope) broker.Outcome {
	t.Helper()
	body, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b.arriveBytes(t, body)
}

func (b *bus) arriveBytes(t *testing.T, body []byte) (outcome broker.Outcome) {
	t.Helper()
	b.handle(t.Context(), broker.NewDelivery("pod-a", body, false, func(o broker.Outcome) { outcome = o }))
	return outcome
}

func envelope(sender string, number int64, deliveries int) *transmitv1.Envelope {
	e := &transmitv1.Envelope{SenderId: sender, Number: number}
	for range deliveries {
		e.Deliveries = append(e.Deliveries, &transmitv1.Delivery{})
	}
	return e
}

func TestTheQueueOfAPod(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bus, h *hub, _ *deliver.Courier) {
		s := b.sub
		if s.Queue != "" || s.Name != "pod-a" || s.Exchange != broker.DeliverExchange || fmt.Sprint(s.RoutingKeys) != "[pod-a]" {
			t.Errorf("subscription %+v", s)
		}
		s.Bound(t.Context())
		s.Lost()
		s.Bound(t.Context())
		if got := h.take(); got != "bound, away, bound" {
			t.Errorf("told %q", got)
		}
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		envelopes []*transmitv1.Envelope
		want      string
	}{
		"one after another": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 2, 2)}, "deliver 1 false, deliver 2 false",
		},
		"a hole": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 3, 1)}, "deliver 1 false, lost, deliver 1 false",
		},
		"a hole is told once": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 3, 1), envelope("s", 4, 1)},
			"deliver 1 false, lost, deliver 1 false, deliver 1 false",
		},
		"the last number repeated": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 1, 0), envelope("s", 1, 0)}, "deliver 1 false",
		},
		"the very last envelope was lost": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 2, 0), envelope("s", 2, 0)}, "deliver 1 false, lost",
		},
		"the only envelope was lost": {
			[]*transmitv1.Envelope{envelope("s", 1, 0)}, "lost",
		},
		"a sender that is new here and not at its start": {
			[]*transmitv1.Envelope{envelope("s", 7, 1), envelope("s", 8, 1)}, "lost, deliver 1 false, deliver 1 false",
		},
		"senders are counted apart": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("t", 1, 1), envelope("s", 2, 1)},
			"deliver 1 false, deliver 1 false, deliver 1 false",
		},
		"an envelope that comes twice is delivered twice": {
			[]*transmitv1.Envelope{envelope("s", 1, 1), envelope("s", 2, 1), envelope("s", 1, 1), envelope("s", 3, 1)},
			"deliver 1 false, deliver 1 false, deliver 1 false, deliver 1 false",
		},
		"without a number nothing is missed": {
			[]*transmitv1.Envelope{envelope("s", 0, 1), envelope("s", 0, 1)}, "deliver 1 false, deliver 1 false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bus, h *hub, _ *deliver.Courier) {
				for _, e := range row.envelopes {
					if got := b.arrive(t, e); got != broker.Acked {
						t.Errorf("settled with %d", got)
					}
				}
				if got := h.take(); got != row.want {
					t.Errorf("told %q, want %q", got, row.want)
				}
			})
		})
	}
}

func TestBytesThatAreNoEnvelope(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bus, h *hub, _ *deliver.Courier) {
		if got := b.arriveBytes(t, []byte("\xff\xff")); got != broker.Rejected {
			t.Errorf("settled with %d", got)
		}
		if got := h.take(); got != "lost" {
			t.Errorf("told %q", got)
		}
	})
}

func TestDeliveriesGoRound(t *testing.T) {
	t.Parallel()
	reader, marked := ids.NewUser(), ids.NewConversation()
	marker, err := proto.Marshal(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Read{Read: &eventv1.MarkerMoved{
		ConversationId: marked.String(), UserId: reader.String(), Seq: 8,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	durable := gateway.Delivery{
		Frame: []byte("frame"), Class: gateway.ClassDurable, Users: []ids.UserID{ids.NewUser(), ids.NewUser()},
		Conversation: ids.NewConversation(), Seq: 4, MembersRev: 2, Rev: 3, Recheck: ids.NewUser(),
	}
	moved := gateway.Delivery{
		Frame: marker, Class: gateway.ClassMarker, Users: []ids.UserID{ids.NewUser()}, Reader: reader, Marked: marked, Seq: 8,
	}
	typing := gateway.Delivery{
		Frame: []byte("typing"), Class: gateway.ClassEphemeral, Users: []ids.UserID{ids.NewUser()}, Except: ids.NewSession(),
	}
	seen := gateway.Presence{User: ids.NewUser(), State: gateway.PresenceAway, ActiveAt: 6}
	told := func(user ids.UserID) gateway.Delivery {
		frame, err := proto.Marshal(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Presence{Presence: &gatewayv1.Presence{
			Items: []*gatewayv1.Presence_Item{{UserId: user.String(), State: gatewayv1.PresenceState_PRESENCE_STATE_AWAY, LastActiveAt: 6}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return gateway.Delivery{Frame: frame, Class: gateway.ClassEphemeral, Presence: seen, Users: []ids.UserID{}}
	}
	inBubble(t, func(t *testing.T, b *bus, h *hub, c *deliver.Courier) {
		c.Send("pod-b", durable, true)
		c.Send("pod-b", moved, true)
		synctest.Wait()
		c.Send("pod-b", typing, false)
		synctest.Wait()
		b.mu.Lock()
		ttl := b.published[len(b.published)-1].TTL
		b.mu.Unlock()
		if ttl != 2*time.Second {
			t.Errorf("typing lives %v", ttl)
		}
		c.Send("pod-b", told(seen.User), true)
		c.Send("pod-b", told(ids.NewUser()), true) // a frame about somebody else is dropped
		synctest.Wait()
		forwarded := 0
		for _, e := range b.envelopes(t) {
			if e.GetForwarded() {
				forwarded += len(e.GetDeliveries())
			}
			b.arrive(t, e)
		}
		if diff := cmp.Diff([]gateway.Delivery{durable, moved, typing, told(seen.User)}, h.got); diff != "" || forwarded != 4 {
			t.Errorf("%d forwarded %s", forwarded, diff)
		}
	})
}

func TestABusyLaneFillsItsEnvelopes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bus, _ *hub, c *deliver.Courier) {
		stuck := make(chan struct{})
		b.set(nil, stuck)
		for i := range 100 {
			c.Send("pod-b", gateway.Delivery{Frame: []byte{byte(i)}, Class: gateway.ClassDurable}, true)
			if i == 0 {
				synctest.Wait() // the first is in flight
			}
		}
		c.Send("pod-b", gateway.Delivery{Frame: make([]byte, 40<<10), Class: gateway.ClassDurable}, true)
		b.set(nil, nil)
		close(stuck)
		var counts, numbers []int64
		next := byte(0)
		for _, e := range b.envelopes(t) {
			counts, numbers = append(counts, int64(len(e.GetDeliveries()))), append(numbers, e.GetNumber())
			for _, d := range e.GetDeliveries() {
				if len(d.GetFrame()) == 1 {
					if d.GetFrame()[0] != next {
						t.Fatalf("delivery %d follows %d", d.GetFrame()[0], next-1)
					}
					next++
				}
			}
		}
		if fmt.Sprint(counts, numbers) != "[1 64 35 1] [1 2 3 4]" {
			t.Errorf("envelopes of %v with numbers %v", counts, numbers)
		}
	})
}

func TestWhatIsLostLeavesAHole(t *testing.T) {
	t.Parallel()
	d := gateway.Delivery{Frame: []byte("x"), Class: gateway.ClassDurable}
	t.Run("a publish that failed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bus, h *hub, c *deliver.Courier) {
			b.set(fault.ErrUnavailable, nil)
			c.Send("pod-b", d, true)
			b.envelopes(t) // they did not arrive
			b.set(nil, nil)
			<-time.After(11 * time.Second)
			for _, e := range b.envelopes(t) {
				b.arrive(t, e)
			}
			if got := h.take(); got != "forwarded lost" {
				t.Errorf("told %q", got)
			}
		})
	})
	t.Run("a hole that is made", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bus, h *hub, c *deliver.Courier) {
			for range 2 {
				c.Hole("pod-b") // also without anything before
				for _, e := range b.envelopes(t) {
					b.arrive(t, e)
				}
			}
			c.Send("pod-b", d, true)
			for _, e := range b.envelopes(t) {
				b.arrive(t, e)
			}
			if got := h.take(); got != "forwarded lost, forwarded lost, deliver 1 true" {
				t.Errorf("told %q", got)
			}
		})
	})
	t.Run("a lane that is full", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, b *bus, h *hub, c *deliver.Courier) {
			stuck := make(chan struct{})
			b.set(nil, stuck)
			c.Send("pod-b", d, true)
			synctest.Wait() // the lane is stuck with it and takes nothing while the rest fills it
			for range 2000 {
				c.Send("pod-b", d, true)
			}
			b.set(nil, nil)
			close(stuck)
			for _, e := range b.envelopes(t) {
				b.arrive(t, e)
			}
			if got := h.take(); strings.Count(got, "lost") != 1 {
				t.Errorf("told %q", got)
			}
		})
	})
}

func TestALaneEndsWithItsPod(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bus, _ *hub, c *deliver.Courier) {
		d := gateway.Delivery{Class: gateway.ClassDurable}
		c.Send("pod-b", d, true)
		first := b.envelopes(t)[0].GetSenderId()
		<-time.After(25 * time.Second)
		if got := b.envelopes(t); len(got) != 2 || got[0].GetNumber() != 1 || got[0].GetSenderId() != first {
			t.Errorf("repeats %v", got)
		}
		b.set(broker.ErrUnroutable, nil)
		<-time.After(time.Minute)
		if got := b.envelopes(t); len(got) != 1 {
			t.Errorf("%d repeats to a pod that is gone", len(got))
		}
		b.set(nil, nil)
		c.Send("pod-b", d, true)
		if got := b.envelopes(t); got[0].GetSenderId() == first || got[0].GetNumber() != 1 {
			t.Errorf("a new lane goes on with %v", got)
		}
	})
}
