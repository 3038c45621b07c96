// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"math"
	"slices"
)

// realTimeOrder (I6): a message that was acknowledged before another was sent has the lower seq. Since seq
// is an explicit order, one scan decides it: walk down from the highest seq and keep the earliest return
// seen; whoever was called after that return has too low a seq.
func (c *checker) realTimeOrder() {
	byConv := map[string][]*send{}
	for _, s := range c.acknowledged() {
		byConv[s.conv] = append(byConv[s.conv], s)
	}
	for conv, list := range byConv {
		slices.SortFunc(list, func(a, b *send) int { return cmp.Compare(b.seq, a.seq) })
		earliest := &send{returnAt: math.MaxInt64}
		for _, s := range list {
			// A retry that is answered again has the seq of its first try and may be called long after.
			if s.seq != earliest.seq && earliest.returnAt < c.firstCall(s) {
				c.breach("I6", "%s/%d was sent after %s/%d had been acknowledged", conv, s.seq, conv, earliest.seq)
			}
			if s.returnAt < earliest.returnAt {
				earliest = s
			}
		}
	}
}

// firstCall is when the first try of a message left.
func (c *checker) firstCall(s *send) int64 {
	first := s.callAt
	for _, other := range c.byCMID[identity(s.client, s.cmid)] {
		first = min(first, other.callAt)
	}
	return first
}

// senderOrder (I7): what one device sent to one conversation over one connection stands in the order of
// its calls, also when calls overlap. Sends that saw a reconnect are left out: their tries have no order.
func (c *checker) senderOrder() {
	type stream struct {
		device, conv string
		epoch        int64
	}
	last := map[stream]*send{}
	for _, s := range c.sends {
		if s.outcome != OK || s.epochAtCall == 0 || s.epochAtCall != s.epochAtReturn || len(c.byCMID[identity(s.client, s.cmid)]) > 1 {
			continue
		}
		key := stream{s.device, s.conv, s.epochAtCall}
		if before := last[key]; before != nil && before.seq > s.seq {
			c.breach("I7", "%s sent %s before %s on one connection, but they stand at %d and %d", s.device, before.cmid, s.cmid, before.seq, s.seq)
		}
		last[key] = s
	}
}

// stablePrefix (I8): two reads agree on every seq that both hold; only a higher rev may differ.
func (c *checker) stablePrefix() {
	type place struct {
		conv string
		seq  int64
	}
	seen := map[place]Item{}
	for _, h := range c.reads {
		for _, item := range h.Items {
			at := place{h.Conv, item.Seq}
			before, ok := seen[at]
			if ok && (before.Msg != item.Msg || before.CMID != item.CMID || before.Sender != item.Sender) {
				c.breach("I8", "%s/%d was read as %s and as %s", h.Conv, item.Seq, before.CMID, item.CMID)
			}
			if ok && before.Marker != item.Marker && before.Rev == item.Rev {
				c.breach("I8", "%s/%d changed its text without a change of rev", h.Conv, item.Seq)
			}
			seen[at] = item
		}
	}
}

// readYourWrite (I9): a read by the sender that was called after the acknowledgement and covers the seq
// holds the message.
func (c *checker) readYourWrite() {
	acked := map[string][]*send{} // client and conversation
	for _, s := range c.acknowledged() {
		key := s.client + " " + s.conv
		acked[key] = append(acked[key], s)
	}
	for _, h := range c.reads {
		held := map[int64]string{}
		for _, item := range h.Items {
			held[item.Seq] = item.Msg
		}
		for _, s := range acked[h.Client+" "+h.Conv] {
			if s.returnAt < h.CallAt && s.seq >= h.From && s.seq <= h.Until && held[s.seq] != s.msg {
				c.breach("I9", "%s read %s/%d after its acknowledgement and did not find it", h.Client, h.Conv, s.seq)
			}
		}
	}
}
