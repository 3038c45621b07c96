// SPDX-License-Identifier: Apache-2.0

package client

import (
	"slices"
	"time"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// conversation is what the client knows of one conversation: rules R1 to R3 of the protocol, without
// any input or output.
type conversation struct {
	id string

	local        int64 // everything up to here was told, declared or recorded
	rev          int64 // changes up to here were told
	known        bool  // rev counts; false until the first pull of a conversation that is new here
	target       int64 // highest seq that the server has named
	targetRev    int64
	hidden       int64 // what the user hid was told up to here; counts if known
	targetHidden int64
	holes        []Range
	aside        map[int64]*messagev1.Message // above local + 1, at most maxAside

	pullAt   time.Time // when to pull; zero: nothing to pull
	pulling  bool      // a pull waits or runs
	forced   bool      // pull once, whatever is known
	failures int       // pulls without progress in a row
	stored   int64     // position that the store holds
}

func newConversation(id string, p Position) *conversation {
	return &conversation{
		id: id, local: p.Seq, rev: p.Rev, known: p.Seq > 0 || p.Rev > 0, holes: p.Holes, stored: p.Seq,
		target: p.Seq, targetRev: p.Rev, hidden: p.HiddenRev, targetHidden: p.HiddenRev, aside: map[int64]*messagev1.Message{},
	}
}

func (c *conversation) position() Position {
	return Position{Seq: c.local, Rev: c.rev, HiddenRev: c.hidden, Holes: slices.Clone(c.holes)}
}

// behind tells whether something is missing.
func (c *conversation) behind() bool {
	return c.local < c.target || (c.known && (c.rev < c.targetRev || c.hidden < c.targetHidden))
}

// highestAside is the last message that waits, 0 if none does.
func (c *conversation) highestAside() int64 {
	var highest int64
	for seq := range c.aside {
		highest = max(highest, seq)
	}
	return highest
}

// see notes what the server says about the end of the conversation.
func (c *conversation) see(seq, rev int64) {
	c.target = max(c.target, seq)
	c.targetRev = max(c.targetRev, rev)
}

// take sorts messages in and answers those that are next, in order. The others wait aside; those
// beyond the bound are pulled later.
func (c *conversation) take(items []*messagev1.Message) []*messagev1.Message {
	var ready []*messagev1.Message
	for _, m := range items {
		seq := m.GetSeq()
		c.see(seq, 0)
		switch has, waits := c.aside[seq]; {
		case seq <= c.local:
			// A duplicate.
		case seq == c.local+1:
			c.aside[seq] = newer(has, m)
			ready = append(ready, c.drain()...)
		case waits || len(c.aside) < maxAside:
			c.aside[seq] = newer(has, m)
		}
	}
	return ready
}

// takeAll is take, and tells whether all of the messages are here now.
func (c *conversation) takeAll(items []*messagev1.Message) (ready []*messagev1.Message, kept bool) {
	ready, kept = c.take(items), true
	for _, m := range items {
		_, waits := c.aside[m.GetSeq()]
		kept = kept && (waits || m.GetSeq() <= c.local)
	}
	return ready, kept
}

// newer prefers the higher rev of two copies.
func newer(a, b *messagev1.Message) *messagev1.Message {
	if a != nil && a.GetRev() > b.GetRev() {
		return a
	}
	return b
}

// drain moves on over what waits aside.
func (c *conversation) drain() []*messagev1.Message {
	var ready []*messagev1.Message
	for {
		m, ok := c.aside[c.local+1]
		if !ok {
			return ready
		}
		delete(c.aside, c.local+1)
		c.local++
		ready = append(ready, m)
	}
}

// skipTo records a hole up to before seq.
func (c *conversation) skipTo(seq int64) Range {
	hole := Range{c.local + 1, seq - 1}
	c.holes = append(c.holes, hole)
	c.passTo(hole.To)
	return hole
}

// passTo moves on without messages.
func (c *conversation) passTo(seq int64) {
	c.local = seq
	for waiting := range c.aside {
		if waiting <= seq {
			delete(c.aside, waiting)
		}
	}
}

// cover applies a page that was pulled and answers what to tell. Newest pages may begin above the local
// position: what lies between becomes a hole.
func (c *conversation) cover(page *messagev1.ListMessagesResponse, newest bool) []Event {
	var out []Event
	gaps := page.GetGaps()
	items := page.GetItems()
	if first := firstOf(items, gaps); newest && first > c.local+1 {
		out = append(out, HoleRecorded{c.id, c.skipTo(first)})
	}
	for _, gap := range gaps {
		before := c.take(upTo(&items, gap.GetFrom()))
		out = appendMessages(out, c.id, before)
		if gap.GetFrom() <= c.local+1 && gap.GetTo() > c.local {
			out = append(out, GapDeclared{c.id, Range{c.local + 1, gap.GetTo()}, gap.GetReason()})
			c.passTo(gap.GetTo())
			out = appendMessages(out, c.id, c.drain())
		}
	}
	return appendMessages(out, c.id, c.take(items))
}

func appendMessages(out []Event, id string, items []*messagev1.Message) []Event {
	if len(items) == 0 {
		return out
	}
	return append(out, MessagesReceived{id, items})
}

// upTo cuts the items before seq off the front.
func upTo(items *[]*messagev1.Message, seq int64) []*messagev1.Message {
	n := 0
	for n < len(*items) && (*items)[n].GetSeq() < seq {
		n++
	}
	front := (*items)[:n]
	*items = (*items)[n:]
	return front
}

// firstOf a page, 0 for an empty one.
func firstOf(items []*messagev1.Message, gaps []*messagev1.Gap) int64 {
	var first int64
	if len(items) > 0 {
		first = items[0].GetSeq()
	}
	if len(gaps) > 0 && (first == 0 || gaps[0].GetFrom() < first) {
		first = gaps[0].GetFrom()
	}
	return first
}

// fill shrinks the holes by a range that was loaded.
func (c *conversation) fill(r Range) {
	var left []Range
	for _, h := range c.holes {
		if h.From < r.From {
			left = append(left, Range{h.From, min(h.To, r.From-1)})
		}
		if h.To > r.To {
			left = append(left, Range{max(h.From, r.To+1), h.To})
		}
	}
	c.holes = left
}
