// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of a page of history.
const (
	MaxPageItems     = 100
	DefaultPageItems = 50
	MaxPageBytes     = 512 * 1024
	// itemBytes is what a message weighs besides its text: ids in text form and numbers.
	itemBytes = 256
)

// RangeKind tells where a range of history lies.
type RangeKind int

// The kinds of range.
const (
	LastRange   RangeKind = iota // the last messages
	AfterRange                   // from the position after Seq on
	BeforeRange                  // the last messages before Seq
	AroundRange                  // around Seq, half of them before
	TimeRange                    // from the first message at or after Time on
)

// HistoryQuery asks for a page of a conversation.
type HistoryQuery struct {
	User         ids.UserID
	Conversation ids.ConversationID
	Kind         RangeKind
	Seq          int64 // AfterRange, BeforeRange, AroundRange
	Time         int64 // TimeRange, ms
	UntilSeq     int64 // upper end of AfterRange and TimeRange, included; 0: the head
	UntilTime    int64 // upper end of TimeRange, included, ms; 0: no end
	Limit        int   // up to MaxPageItems; 0: DefaultPageItems
}

// History is a page. Items, gaps and hidden ones together cover its range without a break.
type History struct {
	Items []Message  // in the order of seq
	Gaps  []Interval // what the user may not have, because they were no member then
	// Hidden is what the user hid, in the order of seq; it is none of the items.
	Hidden []Interval
	Head   Head
}

// ListMessages reads one range of a conversation, as far as the user may see it. ErrNotFound for a
// conversation that is unknown or foreign.
func (s *Service) ListMessages(ctx context.Context, q HistoryQuery) (History, error) {
	c, err := s.conversation(ctx, q.User, q.Conversation)
	if err != nil {
		return History{}, err
	}
	var h History
	if h.Head, err = s.head(ctx, q.User, c); err != nil {
		return History{}, err
	}
	visible := c.Visible(q.User)
	cut, err := s.cut(ctx, q, h.Head.Seq, visible)
	if err != nil || len(cut.shown) == 0 {
		h.Gaps = cut.hidden
		return h, err
	}
	stretches := make([]Stretch, len(cut.shown))
	for i, shown := range cut.shown {
		stretches[i] = Stretch{Conversation: c.ID, Interval: shown}
	}
	if h.Items, err = s.store.Messages(ctx, stretches); err != nil {
		return History{}, err
	}
	if got, want := int64(len(h.Items)), cut.count(); got != want {
		return History{}, fmt.Errorf("history has %d messages where %d should be", got, want)
	}
	h.Items, h.Gaps = cut.trim(h.Items)
	if err := s.hideOwn(ctx, c, q.User, &h); err != nil {
		return History{}, err
	}
	return h, s.show(ctx, c, q.User, h.Items)
}

// cut finds the positions of a page.
func (s *Service) cut(ctx context.Context, q HistoryQuery, head int64, visible []Interval) (cutting, error) {
	limit := int64(q.Limit)
	if limit <= 0 {
		limit = DefaultPageItems
	}
	limit = min(limit, MaxPageItems)
	end := head
	if q.UntilSeq > 0 {
		end = min(head, q.UntilSeq)
	}
	switch q.Kind {
	case AfterRange:
		return cutUp(min(q.Seq, head)+1, end, limit, visible), nil
	case BeforeRange:
		return cutDown(min(q.Seq-1, head), limit, visible), nil
	case AroundRange:
		return cutAround(max(1, min(q.Seq, head)), head, limit, visible), nil
	case TimeRange:
		from, to, err := s.timeRange(ctx, q, end, visible)
		if err != nil || from == 0 {
			return cutting{}, err
		}
		return cutUp(from, to, limit, visible), nil
	case LastRange:
	}
	return cutDown(head, limit, visible), nil
}

// timeRange turns times into positions. Only visible messages are looked at, so that nothing can be
// learnt about the others; from is 0 if none is in the range.
func (s *Service) timeRange(ctx context.Context, q HistoryQuery, end int64, visible []Interval) (from, to int64, err error) {
	if from, err = s.byTime(ctx, q.Conversation, visible, q.Time, FirstSince); err != nil || from == 0 {
		return 0, 0, err
	}
	if q.UntilTime == 0 {
		return from, end, nil
	}
	last, err := s.byTime(ctx, q.Conversation, visible, q.UntilTime, LastUntil)
	if last < from {
		return 0, 0, err
	}
	return from, min(end, last), err
}

func (s *Service) byTime(ctx context.Context, id ids.ConversationID, visible []Interval, at int64, edge Edge) (int64, error) {
	ordered := slices.Clone(visible)
	if edge == LastUntil {
		slices.Reverse(ordered)
	}
	for _, interval := range ordered {
		q := TimeQuery{Stretch: Stretch{Conversation: id, Interval: interval}, Time: at, Edge: edge}
		if seq, ok, err := s.store.SeqByTime(ctx, q); ok || err != nil {
			return seq, err
		}
	}
	return 0, nil
}

// places are where messages lie.
func places(items []Message) []Interval {
	list := make([]Interval, len(items))
	for i, m := range items {
		list[i] = Interval{From: m.Seq, To: m.Seq}
	}
	return list
}

// ChangesQuery asks for messages that changed.
type ChangesQuery struct {
	User         ids.UserID
	Conversation ids.ConversationID
	AfterRev     int64
	Limit        int // up to MaxPageItems; 0: DefaultPageItems
}

// ListChanges reads the latest state of each visible message that changed after a rev, by rev.
// Everything up to upTo is in this answer or an earlier one.
func (s *Service) ListChanges(ctx context.Context, q ChangesQuery) (items []Message, upTo int64, err error) {
	c, err := s.conversation(ctx, q.User, q.Conversation)
	if err != nil || q.AfterRev >= c.Rev {
		return nil, c.Rev, err
	}
	limit := min(q.Limit, MaxPageItems)
	if limit <= 0 {
		limit = DefaultPageItems
	}
	changed, err := s.store.Changes(ctx, c.ID, q.AfterRev, limit)
	if err != nil {
		return nil, 0, err
	}
	upTo = c.Rev
	// What came after the conversation was read may be of a message that it does not know yet: the next page tells.
	changed = slices.DeleteFunc(changed, func(m Message) bool { return m.Rev > c.Rev })
	n := within(len(changed), func(i int) int { return changed[i].weight() - itemBytes })
	if n == limit || n < len(changed) {
		upTo = changed[n-1].Rev
	}
	visible := c.Visible(q.User)
	hidden, err := s.hiddenIn(ctx, c, q.User, places(changed[:n])...)
	if err != nil {
		return nil, 0, err
	}
	items = slices.DeleteFunc(changed[:n], func(m Message) bool {
		return hidden[m.Seq] || !slices.ContainsFunc(visible, func(i Interval) bool { return i.From <= m.Seq && m.Seq <= i.To })
	})
	return items, upTo, s.show(ctx, c, q.User, items)
}
