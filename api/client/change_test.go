// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// shown is what a program shows that takes each event of a conversation as it comes.
func (d *device) shown(id string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	texts := map[int64]string{}
	for _, e := range d.events {
		var items []*messagev1.Message
		switch e := e.(type) {
		case client.MessagesReceived:
			if e.ConversationID == id {
				items = e.Items
			}
		case client.MessagesChanged:
			if e.ConversationID == id {
				items = e.Items
			}
		}
		for _, m := range items {
			texts[m.GetSeq()] = m.GetText().GetBody()
		}
	}
	var list []string
	for seq := int64(1); seq <= int64(len(texts)); seq++ {
		list = append(list, texts[seq])
	}
	return list
}

func TestAChangeIsToldAndStored(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 2)
		pass(time.Second)
		for i, seq := range []int64{1, 2, 1} {
			f.last().write(f.change("k", seq, fmt.Sprint("new ", i)))
		}
		pass(time.Second)
		check(t, "shown", []string{"new 2", "new 1"}, d.shown("k"))
		check(t, "told", 3, len(heard[client.MessagesChanged](d)))
		check(t, "calls", 0, f.count("ListChanges"))
		snapshot, _ := d.store.Load()
		check(t, "position", client.Position{Seq: 2, Rev: 3}, snapshot.Positions["k"])
	})
}

func TestAChangeThatComesAgainIsToldOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(time.Second)
		first, second := f.change("k", 1, "one"), f.change("k", 1, "two")
		for _, frame := range []*gatewayv1.ServerFrame{first, second, first, second} {
			f.last().write(frame)
		}
		pass(time.Second)
		check(t, "shown", []string{"two"}, d.shown("k"))
		check(t, "told", 2, len(heard[client.MessagesChanged](d)))
	})
}

func TestAMissingChangeIsPulled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 2)
		pass(time.Second)
		f.change("k", 1, "lost")
		f.last().write(f.change("k", 2, "seen"))
		pass(400 * time.Millisecond)
		check(t, "shown before the wait is over", []string{"hi", "hi"}, d.shown("k"))
		pass(200 * time.Millisecond)
		check(t, "shown", []string{"lost", "seen"}, d.shown("k"))
		check(t, "calls", 1, f.count("ListChanges"))
	})
}

func TestSwappedChangesAreToldInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(time.Second)
		first, second := f.change("k", 1, "one"), f.change("k", 1, "two")
		f.last().write(second)
		f.last().write(first)
		pass(time.Second)
		check(t, "shown", []string{"two"}, d.shown("k"))
	})
}

func TestAChangeThatOvertakesItsMessage(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		set(f, &f.silent, true)
		items := f.say("k", 3)
		f.last().write(f.change("k", 2, "next")) // the next message, in its new state
		f.last().write(f.change("k", 4, "aside"))
		f.last().messages("k", items...) // as they were before
		pass(time.Second)
		check(t, "shown", []string{"hi", "next", "hi", "aside"}, d.shown("k"))
		check(t, "received", upTo(4), d.received("k"))
		check(t, "calls", 0, f.count("ListMessages")+f.count("ListChanges"))
	})
}

func TestAChangeFarAheadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		set(f, &f.silent, true)
		items := f.say("k", 203)
		f.last().messages("k", items[2:]...) // 202 above a gap, so that no room is left
		f.last().write(f.change("k", 204, "far"))
		f.last().messages("k", items[:2]...)
		f.last().messages("k", items...)
		pass(3 * time.Second)
		shown := d.shown("k")
		check(t, "messages", 204, len(shown))
		check(t, "the last", "far", shown[203])
	})
}

func TestAChangeInAConversationThatIsNew(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		set(f, &f.silent, true)
		f.say("k", 2)
		f.change("k", 1, "before")
		f.last().write(f.change("k", 2, "now"))
		pass(2 * time.Second)
		check(t, "shown", []string{"before", "now"}, d.shown("k"))
		check(t, "received", upTo(2), d.received("k"))
	})
}

func TestChangesWhileAwayAreTold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 3)
		pass(30 * time.Second)
		f.last().close(4000, "MOVED")
		pass(0)
		f.change("k", 1, "away")
		f.say("k", 1)
		f.change("k", 4, "new")
		pass(3 * time.Second)
		check(t, "shown", []string{"away", "hi", "hi", "new"}, d.shown("k"))
	})
}

func TestAChangeWithoutAMessageIsSkipped(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		f.say("k", 1)
		pass(time.Second)
		for _, change := range []*gatewayv1.Change{{}, {ConversationId: "k", Rev: 1}, {Rev: 1, Message: &messagev1.Message{Seq: 1}}} {
			f.last().write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Change{Change: change}})
		}
		pass(time.Second)
		check(t, "shown", []string{"hi"}, d.shown("k"))
		check(t, "changes", 0, len(heard[client.MessagesChanged](d)))
		d.inState(client.Live)
	})
}
