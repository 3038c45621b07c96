// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/ledger"
)

// Link is one device's way to the system: in a run the client library, in tests of this package a fake.
type Link interface {
	// Send stores a message and returns when it is acknowledged. It calls leaving with the client message
	// id before anything leaves the device, repeats by itself as long as the outcome is unknown, and fails
	// for good only with ErrRefused, or when ctx ends. One call for a conversation at a time.
	Send(ctx context.Context, conversation, text string, leaving func(clientMessageID string)) (*messagev1.Sent, error)
	// Close ends the connection and waits until nothing is shown any more.
	Close() error
}

// ErrRefused says that a send had no effect and never will.
var ErrRefused = errors.New("refused")

// Login is what a Link needs.
type Login struct {
	Gateway       string // public base URL to start with
	Others        []string
	UserID        string
	DeviceID      string
	Token         string
	Conversations []string
	// Show is called for each message that the device shows, one call at a time.
	Show func(m *messagev1.Message)
	// Connected is called for each authenticated connection with its session epoch.
	Connected func(epoch int64)
}

// Dial opens a Link. It may return before there is a connection.
type Dial func(ctx context.Context, l Login) (Link, error)

// device is one device of a person within a run.
type device struct {
	run    *run
	person *person
	name   string
	link   Link

	ops   atomic.Int64
	epoch atomic.Int64

	mu    sync.Mutex // guards shown
	shown map[string]int64
}

// open connects a device. Gateways are given out in turn, so that the two of a pair sit on different ones.
func (r *run) open(ctx context.Context, p *person, number, gateway int) (*device, error) {
	d := &device{run: r, person: p, name: fmt.Sprintf("%s/d%d", p.name, number), shown: map[string]int64{}}
	l := p.logins[number]
	gateways := r.world.gateways
	var err error
	d.link, err = r.options.Dial(ctx, Login{
		Gateway: gateways[gateway%len(gateways)], Others: gateways, UserID: p.id, DeviceID: l.device, Token: l.token,
		Conversations: p.conversations, Show: d.show, Connected: d.connected,
	})
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", d.name, err)
	}
	return d, nil
}

// show writes down what the device shows.
func (d *device) show(m *messagev1.Message) {
	d.run.shown.Add(1)
	d.run.write(ledger.Event{
		Kind: ledger.Deliver, Client: d.person.id, Device: d.name, Conv: m.GetConversationId(), CMID: m.GetClientMessageId(),
		Msg: m.GetMessageId(), Seq: m.GetSeq(), Sender: m.GetSenderId(), Marker: ledger.MarkerOf(m.GetText().GetBody()),
		ReturnAt: d.run.clock.Now(),
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown[m.GetConversationId()] = max(d.shown[m.GetConversationId()], m.GetSeq())
}

func (d *device) connected(epoch int64) {
	d.epoch.Store(epoch)
	d.run.write(ledger.Event{
		Kind: ledger.Connect, Client: d.person.id, Device: d.name, Epoch: epoch, ReturnAt: d.run.clock.Now(),
	})
}

// reached is the highest seq that the device has shown of a conversation.
func (d *device) reached(conversation string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown[conversation]
}

// send sends message n of the run, with a line before and one after.
func (d *device) send(ctx context.Context, conversation string, n int64) error {
	e := ledger.Event{
		Kind: ledger.Send, N: n, Client: d.person.id, Device: d.name, Op: d.ops.Add(1), Conv: conversation,
		Marker: d.run.options.Key.Marker(conversation, d.person.id, n), CallAt: d.run.clock.Now(), Epoch: d.epoch.Load(),
	}
	sent, err := d.link.Send(ctx, conversation, ledger.Body(e.Marker, bodyBytes), func(clientMessageID string) {
		e.CMID = clientMessageID
		d.run.write(e)
	})
	if e.CMID == "" {
		return fmt.Errorf("message %d of %s never left: %w", n, d.name, err)
	}
	e.ReturnAt, e.Epoch = d.run.clock.Now(), d.epoch.Load()
	switch {
	case err == nil:
		e.Outcome, e.Msg, e.Seq = ledger.OK, sent.GetMessageId(), sent.GetSeq()
		d.run.acked.Add(1)
	case errors.Is(err, ErrRefused):
		e.Outcome, e.Code = ledger.Fail, err.Error()
	default:
		e.Outcome, e.Code = ledger.Unknown, err.Error()
	}
	d.run.write(e)
	if err != nil {
		return fmt.Errorf("message %d of %s: %w", n, d.name, err)
	}
	return nil
}
