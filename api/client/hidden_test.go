// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// hideOwn hides messages of the user on another device, without telling.
func (f *fake) hideOwn(id string, seqs ...int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[id].hidden = append(f.rooms[id].hidden, seqs...)
	f.touch(id)
}

func (f *fake) ListHidden(_ context.Context, in *messagev1.ListHiddenRequest) (*messagev1.ListHiddenResponse, error) {
	if err := f.called("ListHidden"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.rooms[in.GetConversationId()].hidden
	page := all[in.GetAfterRev():min(in.GetAfterRev()+2, int64(len(all)))]
	return &messagev1.ListHiddenResponse{Seqs: page, UpToRev: in.GetAfterRev() + int64(len(page))}, nil
}

// hidden lists what a device was told to hide, in order.
func (d *device) hidden(id string) (seqs []int64) {
	for _, e := range heard[client.MessagesHidden](d) {
		if e.ConversationID == id {
			seqs = append(seqs, e.Seqs...)
		}
	}
	return seqs
}

func TestF15_AHiddenFrameIsTold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 3)
		pass(time.Second)
		f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Hidden{
			Hidden: &eventv1.MessageHidden{ConversationId: "k", UserId: me, Seq: 2},
		}})
		pass(time.Second)
		check(t, "hidden", []int64{2}, d.hidden("k"))
		check(t, "calls", 0, f.count("ListHidden"))
	})
}

func TestF15_WhatWasHiddenDuringABreakIsPulled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 4)
		pass(time.Second)
		f.hideOwn("k", 3, 1, 4)
		f.last().close(4000, "MOVED")
		pass(time.Minute)
		check(t, "hidden", []int64{3, 1, 4}, d.hidden("k"))
		check(t, "calls", 2, f.count("ListHidden"))
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 4, HiddenRev: 3}, snapshot.Positions["k"])
	})
}

func TestF15_ANewDeviceAsksForNoListOfWhatIsHidden(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		f.say("k", 2)
		f.hide("k", 1, 1)
		f.hideOwn("k", 1)
		d := join(t, f)
		pass(time.Second)
		check(t, "received", []int64{2}, d.received("k"))
		check(t, "calls", 0, f.count("ListHidden"))
	})
}
