// SPDX-License-Identifier: Apache-2.0

package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	transmitv1 "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/deliver"
)

// exchange is a broker.Publisher whose confirms a test gives by hand.
type exchange struct {
	mu       sync.Mutex // guards what follows
	got      []*transmitv1.Envelope
	pods     []string
	inFlight map[string]int
	confirms chan error // nil: every publish is confirmed at once
}

func (x *exchange) Publish(ctx context.Context, m broker.Message) error {
	e := &transmitv1.Envelope{}
	if err := proto.Unmarshal(m.Body, e); err != nil {
		return err
	}
	if m.Exchange != broker.DeliverExchange || m.Persistent {
		return fmt.Errorf("published to %s, persistent %v", m.Exchange, m.Persistent)
	}
	x.mu.Lock()
	x.got = append(x.got, e)
	x.pods = append(x.pods, m.RoutingKey)
	if x.inFlight == nil {
		x.inFlight = map[string]int{}
	}
	x.inFlight[m.RoutingKey]++
	over := x.inFlight[m.RoutingKey] > 1
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.inFlight[m.RoutingKey]--
		x.mu.Unlock()
	}()
	if over {
		return errors.New("two envelopes of one pod are in flight")
	}
	if x.confirms == nil {
		return nil
	}
	select {
	case err := <-x.confirms:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// envelopes shows number and frames of each envelope.
func (x *exchange) envelopes() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var lines []string
	for i, e := range x.got {
		var frames []string
		for _, d := range e.GetDeliveries() {
			frames = append(frames, string(d.GetFrame()))
		}
		lines = append(lines, fmt.Sprintf("%s %d: %s", x.pods[i], e.GetNumber(), strings.Join(frames, " ")))
	}
	return lines
}

// bench is a publisher with its Run running until the test ends.
type bench struct {
	*deliver.Publisher

	x        *exchange
	stop     func()
	mu       sync.Mutex // guards outcomes
	outcomes []error
}

func start(t *testing.T, x *exchange) *bench {
	t.Helper()
	b := &bench{x: x, Publisher: deliver.New(deliver.Options{
		Publisher: x, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) deliver(ctx context.Context, pod string, frames ...string) {
	for _, frame := range frames {
		b.Deliver(ctx, pod, notice(frame), func(err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.outcomes = append(b.outcomes, err)
		})
	}
}

func (b *bench) settled() []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]error(nil), b.outcomes...)
}

func notice(frame string) transmit.Delivery {
	return transmit.Delivery{Notice: transmit.Notice{Frame: []byte(frame), Class: transmit.Durable}}
}

func want(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestIdleLaneSendsAtOnceAndBusyLaneFillsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error)}
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		synctest.Wait()
		b.deliver(t.Context(), "gateway-0", "b", "c")
		synctest.Wait()
		want(t, "envelopes while the first is in flight", []string{"gateway-0 1: a"}, x.envelopes())
		x.confirms <- nil
		synctest.Wait()
		want(t, "envelopes", []string{"gateway-0 1: a", "gateway-0 2: b c"}, x.envelopes())
		want(t, "settled before the second confirm", 1, len(b.settled()))
		x.confirms <- nil
		synctest.Wait()
		want(t, "settled", []error{nil, nil, nil}, b.settled())
	})
}

func TestOneSlowPodDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error)}
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		synctest.Wait()
		b.deliver(t.Context(), "gateway-1", "b")
		synctest.Wait()
		want(t, "envelopes", []string{"gateway-0 1: a", "gateway-1 1: b"}, x.envelopes())
	})
}

func TestEnvelopeBounds(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		frames int
		bytes  int
		want   []int // deliveries of each envelope after the first
	}{
		"sixty-four deliveries fill an envelope":  {frames: 130, bytes: 1, want: []int{64, 64, 2}},
		"thirty-two KiB fill an envelope":         {frames: 5, bytes: 15 << 10, want: []int{2, 2, 1}},
		"a larger delivery travels alone":         {frames: 2, bytes: 200 << 10, want: []int{1, 1}},
		"what waits fits into one envelope often": {frames: 10, bytes: 100, want: []int{10}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &exchange{confirms: make(chan error)}
				b := start(t, x)
				b.deliver(t.Context(), "gateway-0", "first")
				synctest.Wait()
				for i := range row.frames {
					b.deliver(t.Context(), "gateway-0", fmt.Sprintf("%d%s", i, strings.Repeat("x", row.bytes)))
				}
				close(x.confirms)
				synctest.Wait()
				var got []int
				for _, e := range x.got[1:] {
					got = append(got, len(e.GetDeliveries()))
				}
				want(t, "deliveries of each envelope", row.want, got)
				checkOrder(t, x.got[1:])
			})
		})
	}
}

// checkOrder expects frames that begin with 0, 1, 2 …
func checkOrder(t *testing.T, envelopes []*transmitv1.Envelope) {
	t.Helper()
	next := 0
	for _, e := range envelopes {
		for _, d := range e.GetDeliveries() {
			if !strings.HasPrefix(string(d.GetFrame()), fmt.Sprint(next)) {
				t.Fatalf("frame %d is out of order", next)
			}
			next++
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	rows := map[string]struct{ confirm, want error }{
		"a confirm settles":                     {nil, nil},
		"no queue means that the pod is gone":   {broker.ErrUnroutable, transmit.ErrPodGone},
		"a broker that is away is told as such": {fault.ErrUnavailable, fault.ErrUnavailable},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := &exchange{confirms: make(chan error, 1)}
				x.confirms <- row.confirm
				b := start(t, x)
				b.deliver(t.Context(), "gateway-0", "a")
				synctest.Wait()
				if got := b.settled(); len(got) != 1 || !errors.Is(got[0], row.want) {
					t.Errorf("settled with %v, want %v", got, row.want)
				}
			})
		})
	}
}

func TestEachTryUsesUpItsNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error, 2)}
		x.confirms <- fault.ErrUnavailable
		x.confirms <- nil
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		synctest.Wait()
		b.deliver(t.Context(), "gateway-0", "a")
		synctest.Wait()
		want(t, "envelopes", []string{"gateway-0 1: a", "gateway-0 2: a"}, x.envelopes())
	})
}

func TestLastNumberIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{}
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		<-time.After(21 * time.Second)
		synctest.Wait()
		want(t, "envelopes", []string{"gateway-0 1: a", "gateway-0 1: ", "gateway-0 1: "}, x.envelopes())
		if x.got[0].GetSenderId() == "" || x.got[1].GetSenderId() != x.got[0].GetSenderId() {
			t.Errorf("senders %q and %q, want one", x.got[0].GetSenderId(), x.got[1].GetSenderId())
		}
	})
}

func TestLaneOfAGonePodEndsAndStartsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error, 3)}
		x.confirms <- nil
		x.confirms <- broker.ErrUnroutable // answers the first repeat
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		<-time.After(35 * time.Second)
		synctest.Wait()
		want(t, "envelopes to a pod that is gone", []string{"gateway-0 1: a", "gateway-0 1: "}, x.envelopes())
		x.confirms <- nil
		b.deliver(t.Context(), "gateway-0", "b")
		synctest.Wait()
		want(t, "envelopes", []string{"gateway-0 1: a", "gateway-0 1: ", "gateway-0 1: b"}, x.envelopes())
		if x.got[2].GetSenderId() == x.got[0].GetSenderId() {
			t.Error("numbers start again under the same sender")
		}
	})
}

func TestFullLaneHoldsTheCallerUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error)}
		b := start(t, x)
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			for range 1000 {
				b.deliver(ctx, "gateway-0", "x")
			}
		}()
		<-time.After(time.Second)
		if got := len(b.settled()); got != 0 {
			t.Fatalf("%d deliveries settled without a confirm", got)
		}
		select {
		case <-returned:
			t.Fatal("a thousand deliveries were queued")
		default:
		}
		cancel()
		<-returned
		b.stop()
		want(t, "every delivery is settled", 1000, len(b.settled()))
	})
}

func TestStopSettlesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{confirms: make(chan error)}
		b := start(t, x)
		b.deliver(t.Context(), "gateway-0", "a")
		synctest.Wait()
		b.deliver(t.Context(), "gateway-0", "b", "c")
		b.stop()
		b.deliver(t.Context(), "gateway-1", "d")
		for i, err := range b.settled() {
			if err == nil {
				t.Errorf("delivery %d was settled as confirmed", i)
			}
		}
		want(t, "every delivery is settled", 4, len(b.settled()))
	})
}

func TestEnvelopeCarriesWhatAGatewayNeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{}
		b := start(t, x)
		amy, ben, conversation := ids.NewUser(), ids.NewUser(), ids.NewConversation()
		b.Deliver(t.Context(), "gateway-0", transmit.Delivery{
			Notice: transmit.Notice{
				Frame: []byte("f"), Class: transmit.Marker, Conversation: conversation, Seq: 4, MembersRev: 2, Rev: 3, Recheck: ben,
			},
			Users: []ids.UserID{amy, ben},
		}, func(error) {})
		synctest.Wait()
		wanted := []*transmitv1.Delivery{{
			Frame: []byte("f"), Class: transmitv1.DeliveryClass_DELIVERY_CLASS_MARKER,
			UserIds: [][]byte{amy[:], ben[:]}, ConversationId: conversation[:], Seq: 4, MembersRev: 2, Rev: 3, RecheckUserId: ben[:],
		}}
		if diff := cmp.Diff(wanted, x.got[0].GetDeliveries(), protocmp.Transform()); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
	})
}
