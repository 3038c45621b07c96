// SPDX-License-Identifier: Apache-2.0

// Package messagetest holds what tests of the message service share.
//
// Store is a small real implementation of the port in memory; TestStore is the suite that it and the
// SQL adapter both pass.
package messagetest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Store keeps everything in memory. It is safe for concurrent use.
type Store struct {
	mu            sync.Mutex // guards all below
	conversations map[ids.ConversationID]*message.Conversation
	pairs         map[message.Pair]ids.ConversationID
	messages      map[ids.ConversationID][]message.Row // in the order of seq
	stored        map[message.ClientKey]message.Stored
	moved         map[place]int64 // when a conversation last moved for a user, ms
	events        []message.Event // what would be in the outbox
	versions      map[version][]message.Version
	created       map[creationKey]message.Created
	reacted       map[version]map[string]bool // by emoji and user
	called        map[version][]ids.UserID    // for whom mentions count
	hidden        map[place][]int64           // in the order of hiding
	audit         []audit.Entry
}

type place struct {
	user         ids.UserID
	conversation ids.ConversationID
}

// version names a message.
type version struct {
	conversation ids.ConversationID
	seq          int64
}

// NewStore makes an empty one.
func NewStore() *Store {
	return &Store{
		conversations: map[ids.ConversationID]*message.Conversation{},
		pairs:         map[message.Pair]ids.ConversationID{},
		messages:      map[ids.ConversationID][]message.Row{},
		stored:        map[message.ClientKey]message.Stored{},
		moved:         map[place]int64{},
		versions:      map[version][]message.Version{},
		created:       map[creationKey]message.Created{},
		reacted:       map[version]map[string]bool{},
		called:        map[version][]ids.UserID{},
		hidden:        map[place][]int64{},
	}
}

// Put adds a conversation as it is, for states that no call leads to yet.
func (s *Store) Put(c message.Conversation, changedAt int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(c, changedAt)
}

// Outbox lists the events that were committed.
func (s *Store) Outbox() []message.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// put needs mu.
func (s *Store) put(c message.Conversation, changedAt int64) {
	c.Members = slices.Clone(c.Members)
	s.conversations[c.ID] = &c
	for i, m := range c.Members {
		followed := i+1 < len(c.Members) && c.Members[i+1].UserID == m.UserID
		if !m.Left && !followed {
			s.moved[place{m.UserID, c.ID}] = changedAt
		}
	}
}

// Append implements message.Writer.
func (s *Store) Append(_ context.Context, batch []message.Pending, now int64) (message.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	facts := message.Facts{
		Conversations: map[ids.ConversationID]message.Conversation{},
		Stored:        map[message.ClientKey]message.Stored{},
		Originals:     map[message.Source]message.Original{},
		Now:           now,
	}
	for _, p := range batch {
		if c, ok := s.conversations[p.Conversation]; ok {
			facts.Conversations[p.Conversation] = *c
		}
		if first, ok := s.stored[p.Key()]; ok {
			facts.Stored[p.Key()] = first
		}
		if log, at := s.messages[p.Forward.Conversation], p.Forward.Seq; at >= 1 && at <= int64(len(log)) {
			facts.Originals[p.Forward] = message.Original{Conversation: *s.conversations[p.Forward.Conversation], Message: log[at-1].Message}
		}
	}
	plan := message.Decide(batch, facts)
	for _, c := range plan.Conversations {
		s.put(c, now)
	}
	for _, r := range plan.Rows {
		s.called[version{r.Conversation, r.Seq}] = r.Called()
		s.messages[r.Conversation] = append(s.messages[r.Conversation], r)
		s.stored[message.ClientKey{Sender: r.Sender, ClientID: r.ClientID}] = message.Stored{Sent: r.Sent(), Hash: r.Hash}
	}
	s.events = append(s.events, plan.Events...)
	return message.Committed{Results: plan.Results, Events: plan.Events}, nil
}

// Relate implements message.Writer.
func (s *Store) Relate(_ context.Context, r message.Relation) (ids.ConversationID, []message.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var current *message.Conversation
	if id, ok := s.pairs[r.Pair]; ok {
		current = s.conversations[id]
	}
	change := message.DecideRelation(current, r)
	c := change.Conversation
	c.Members = slices.Clone(c.Members)
	s.conversations[c.ID], s.pairs[r.Pair] = &c, c.ID
	if len(change.Events) > 0 {
		s.put(c, r.At)
		s.events = append(s.events, change.Events...)
	}
	return change.Conversation.ID, change.Events, nil
}

// MarkRead implements message.Writer.
func (s *Store) MarkRead(_ context.Context, r message.Reading) (message.Head, []message.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conversations[r.Conversation]
	if !ok {
		return message.Head{}, nil, message.ErrNotFound
	}
	m, events, err := message.DecideReading(*c, r)
	if err != nil {
		return message.Head{}, nil, err
	}
	if len(events) > 0 {
		c.Members = slices.Clone(c.Members)
		for i := range c.Members {
			if c.Members[i].UserID == m.UserID && c.Members[i].JoinedSeq == m.JoinedSeq {
				c.Members[i] = m
			}
		}
		s.moved[place{r.User, c.ID}] = r.At
		s.events = append(s.events, events...)
	}
	return s.head(*c, r.User), events, nil
}

// Conversation implements message.Reader.
func (s *Store) Conversation(_ context.Context, id ids.ConversationID, viewer ids.UserID) (message.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conversations[id]
	if !ok {
		return message.Conversation{}, message.ErrNotFound
	}
	return only(*c, viewer), nil
}

// Conversations implements message.Reader.
func (s *Store) Conversations(_ context.Context, q message.PageQuery) ([]message.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list(q, 0), nil
}

// list needs mu.
func (s *Store) list(q message.PageQuery, since int64) []message.Conversation {
	var found []message.Conversation
	for at, changedAt := range s.moved {
		if at.user == q.User && changedAt >= since {
			c := only(*s.conversations[at.conversation], q.User)
			if c.Kind == message.Group { // the newest interval
				c.Members = c.Members[len(c.Members)-1:]
				if c.Members[0].Left && !q.Left {
					continue
				}
			}
			found = append(found, c.SeenBy(q.User))
		}
	}
	slices.SortFunc(found, func(a, b message.Conversation) int {
		return cmp.Or(cmp.Compare(b.ActiveAt, a.ActiveAt), b.ID.Compare(a.ID))
	})
	found = slices.DeleteFunc(found, func(c message.Conversation) bool {
		return q.Before != nil && (c.ActiveAt > q.Before.ActiveAt ||
			c.ActiveAt == q.Before.ActiveAt && c.ID.Compare(q.Before.ID) >= 0)
	})
	return found[:min(len(found), q.Limit)]
}

// Messages implements message.Reader.
func (s *Store) Messages(_ context.Context, stretches []message.Stretch) ([]message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []message.Message
	for _, stretch := range stretches {
		for _, r := range s.messages[stretch.Conversation] {
			if stretch.From <= r.Seq && r.Seq <= stretch.To {
				found = append(found, r.Message)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b message.Message) int {
		return cmp.Or(a.Conversation.Compare(b.Conversation), cmp.Compare(a.Seq, b.Seq))
	})
	return found, nil
}

// SeqByTime implements message.Reader.
func (s *Store) SeqByTime(_ context.Context, q message.TimeQuery) (seq int64, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := message.Message{}
	for _, r := range s.messages[q.Conversation] {
		if r.Seq < q.From || r.Seq > q.To {
			continue
		}
		since := q.Edge == message.FirstSince && r.SentAt >= q.Time && (best.Seq == 0 || r.SentAt < best.SentAt)
		until := q.Edge == message.LastUntil && r.SentAt <= q.Time && (best.Seq == 0 || r.SentAt >= best.SentAt)
		if since || until {
			best = r.Message
		}
	}
	return best.Seq, best.Seq > 0, nil
}

// Heads implements message.Reader.
func (s *Store) Heads(_ context.Context, queries []message.HeadsQuery) ([][]message.MovedHead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lists := make([][]message.MovedHead, len(queries))
	for i, q := range queries {
		for _, c := range s.list(message.PageQuery{User: q.User, Left: true, Before: q.Before, Limit: q.Limit}, q.Since) {
			lists[i] = append(lists[i], message.MovedHead{Head: s.head(c, q.User), ActiveAt: c.ActiveAt})
		}
	}
	return lists, nil
}

// Change implements message.Changer.
func (s *Store) Change(_ context.Context, ch message.Change) (message.ChangePlan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conversations[ch.Conversation]
	if !ok {
		return message.ChangePlan{}, message.ErrNotFound
	}
	var m message.Message
	log := s.messages[ch.Conversation]
	if ok = ch.Seq >= 1 && ch.Seq <= int64(len(log)); ok {
		m = log[ch.Seq-1].Message
	}
	given, at := ch.Emoji+ch.By.String(), version{ch.Conversation, ch.Seq}
	ch.Reacted = s.reacted[at][given]
	plan, err := message.DecideChange(*c, m, ok, ch)
	if err != nil || !plan.Changed {
		return plan, err
	}
	log[ch.Seq-1].Message = plan.Message
	if ch.Kind == message.Reacting && s.reacted[at] == nil {
		s.reacted[at] = map[string]bool{}
	}
	if ch.Kind == message.Reacting {
		s.reacted[at][given] = !ch.Remove
	}
	if plan.Keep != nil {
		s.versions[at] = append(s.versions[at], *plan.Keep)
	}
	if plan.Message.Kind == message.RecalledBody {
		delete(s.versions, at)
	}
	s.called[at] = slices.DeleteFunc(s.called[at], func(user ids.UserID) bool { return slices.Contains(plan.Uncall, user) })
	moved := *c
	moved.Rev = plan.Message.Rev
	s.put(moved, ch.At)
	s.events = append(s.events, plan.Events...)
	if plan.Audit != nil {
		s.audit = append(s.audit, *plan.Audit)
	}
	return plan, nil
}

// Versions implements message.Changer.
func (s *Store) Versions(_ context.Context, q message.VersionsQuery) ([]message.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.versions[version{q.Conversation, q.Seq}]), func(v message.Version) bool {
		return v.Number <= q.After
	}), nil
}

// Counts implements message.Changer.
func (s *Store) Counts(_ context.Context, user ids.UserID, stretches []message.Stretch) ([]message.Count, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make([]message.Count, len(stretches))
	for i, stretch := range stretches {
		counts[i] = s.count(user, stretch)
	}
	return counts, nil
}

// count needs mu.
func (s *Store) count(user ids.UserID, stretch message.Stretch) (n message.Count) {
	for _, r := range s.messages[stretch.Conversation] {
		if r.Seq < stretch.From || r.Seq > stretch.To {
			continue
		}
		hidden := slices.Contains(s.hidden[place{user, r.Conversation}], r.Seq)
		if hidden || r.Kind == message.RecalledBody || r.Kind == message.SystemBody {
			n.Silent++
		}
		if hidden {
			continue
		}
		called := s.called[version{r.Conversation, r.Seq}]
		if slices.Contains(called, user) || slices.Contains(called, message.EveryMember()) {
			n.Called++
		}
	}
	return n
}

// head needs mu.
func (s *Store) head(c message.Conversation, user ids.UserID) message.Head {
	m, _ := c.Membership(user)
	n := s.count(user, message.Stretch{Conversation: c.ID, Interval: c.Unseen(m)})
	m.Silent, m.Called = n.Silent, n.Called
	return message.HeadOf(c, m)
}

// Changes implements message.Changer.
func (s *Store) Changes(_ context.Context, id ids.ConversationID, after int64, limit int) ([]message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []message.Message
	for _, r := range s.messages[id] {
		if r.Rev > after {
			found = append(found, r.Message)
		}
	}
	slices.SortFunc(found, func(a, b message.Message) int { return cmp.Compare(a.Rev, b.Rev) })
	return found[:min(len(found), limit)], nil
}

// Touch changes a message as an edit would: it raises the rev of the conversation and of the message.
func (s *Store) Touch(id ids.ConversationID, seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conversations[id]
	c.Rev++
	s.messages[id][seq-1].Rev = c.Rev
}
