// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Limits of a search.
const (
	MaxSearchPage     = 50
	DefaultSearchPage = 20
	// searchRounds bounds how often an index is asked for one page, where it offers much that does not
	// match or may not be seen; chosen, no evidence. The page is then shorter and has a next one.
	searchRounds = 5
	searchScope  = "message.search"
	// searchPatience is how long the index may take over one page, in all rounds.
	searchPatience = 2 * time.Second
)

// ErrSearchUnavailable says that the index does not answer. Everything else works.
var ErrSearchUnavailable = fault.New(fault.Unavailable, "SEARCH_UNAVAILABLE", "search is not available now, try again later")

// Searches reads what a search needs beside messages.
type Searches interface {
	// Readable lists up to limit conversations that a user may read something of, latest activity first.
	Readable(ctx context.Context, user ids.UserID, limit int) ([]ids.ConversationID, error)
	// Scan reads up to limit messages after a place, of all conversations, in the order of conversation
	// and seq.
	Scan(ctx context.Context, after Place, limit int) ([]Message, error)
}

// Place is where a message lies.
type Place struct {
	Conversation ids.ConversationID
	Seq          int64
}

// SearchQuery asks for messages that hold what somebody typed. Zero fields do not restrict.
type SearchQuery struct {
	User         ids.UserID
	Text         string
	Conversation ids.ConversationID
	Sender       ids.UserID
	Links        bool // only messages with a link
	Kinds        []BodyKind
	From, Until  int64 // ms; Until is not part of the range
	Size         int   // up to MaxSearchPage; 0: DefaultSearchPage
	Token        string
}

// SearchHit is a message that matches, and where.
type SearchHit struct {
	Message
	Field SearchField
	Spans []textmatch.Span // in code points of the field
}

// SearchPage is one page of hits, newest first.
type SearchPage struct {
	Hits []SearchHit
	Next string // empty on the last page
}

// Search finds messages that its user may read now. What the index offers is read from the store, in the
// intervals of the user, before it counts. ErrSearchUnavailable while the index does not answer.
func (s *Service) Search(ctx context.Context, q SearchQuery) (SearchPage, error) {
	query, err := textmatch.Parse(q.Text)
	if err != nil {
		return SearchPage{}, fault.InvalidField("query", ruleOf(err)).Because(err)
	}
	size := q.Size
	if size <= 0 {
		size = DefaultSearchPage
	}
	search := searching{s: s, q: q, query: query, size: min(size, MaxSearchPage), seen: map[ids.ConversationID]readable{}}
	if search.lookup, err = s.lookup(ctx, q, query); err != nil || len(search.lookup.Groups) == 0 {
		return SearchPage{}, err
	}
	if s.index == nil {
		return SearchPage{}, ErrSearchUnavailable
	}
	return search.page(ctx)
}

func ruleOf(err error) string {
	switch {
	case errors.Is(err, textmatch.ErrEmpty):
		return "min_len"
	case errors.Is(err, textmatch.ErrTooLong):
		return "max_bytes"
	default:
		return "max_terms"
	}
}

// lookup makes the question to the index.
func (s *Service) lookup(ctx context.Context, q SearchQuery, query textmatch.Query) (searchindex.Lookup, error) {
	l := searchindex.Lookup{Grams: query.Grams()}
	var some bool
	if l.Kinds, some = q.kinds(); !some {
		return l, nil
	}
	if !q.Sender.IsZero() {
		l.Author = q.Sender.String()
	}
	if q.From > 0 {
		l.From = time.UnixMilli(q.From)
	}
	if q.Until > 0 {
		l.Until = time.UnixMilli(q.Until)
	}
	if q.Token != "" {
		l.After = &searchindex.Hit{}
		if err := s.tokens.Open(q.scope(), q.Token, l.After); err != nil {
			return l, err
		}
	}
	if !q.Conversation.IsZero() {
		_, err := s.conversation(ctx, q.User, q.Conversation)
		l.Groups = []string{q.Conversation.String()}
		return l, err
	}
	list, err := s.store.Readable(ctx, q.User, searchindex.MaxGroups)
	l.Groups = ids.Texts(list)
	return l, err
}

// scope makes a page token good for the same user and question only.
func (q SearchQuery) scope() string {
	return strings.Join([]string{
		searchScope, q.User.String(), q.Conversation.String(), q.Sender.String(), strconv.FormatBool(q.Links), fmt.Sprint(q.Kinds),
		strconv.FormatInt(q.From, 10), strconv.FormatInt(q.Until, 10), q.Text,
	}, "\x00")
}

// readable is a conversation as the searcher sees it, for one page.
type readable struct {
	Conversation
	known bool // false: unknown, or not the searcher's
}

// searching is a search under way.
type searching struct {
	s      *Service
	q      SearchQuery
	query  textmatch.Query
	lookup searchindex.Lookup
	size   int
	seen   map[ids.ConversationID]readable
	hits   []SearchHit
}

// page asks the index until the page is full.
func (r *searching) page(ctx context.Context) (SearchPage, error) {
	r.lookup.Limit = min(searchindex.MaxHits, 2*r.size)
	asking, cancel := context.WithTimeout(ctx, searchPatience)
	defer cancel()
	more := true
	for range searchRounds {
		offered, err := r.s.index.Find(asking, r.lookup)
		if err != nil {
			return SearchPage{}, ErrSearchUnavailable.Because(err)
		}
		more = len(offered) == r.lookup.Limit
		full, err := r.take(ctx, offered)
		if err != nil {
			return SearchPage{}, err
		}
		if more = more || full; full || !more {
			break
		}
	}
	if err := r.show(ctx); err != nil || !more {
		return SearchPage{Hits: r.hits}, err
	}
	next, err := r.s.tokens.Seal(r.q.scope(), r.lookup.After) // the place may be of what the user may not read
	return SearchPage{Hits: r.hits, Next: next}, err
}

// take adds what matches of an offer, and moves the place on; full tells that the page is, and that some
// of the offer may be left.
func (r *searching) take(ctx context.Context, offered []searchindex.Hit) (full bool, err error) {
	stretches := make([]Stretch, 0, len(offered))
	for _, o := range offered {
		if at, ok := ParsePlace(o.ID); ok {
			stretches = append(stretches, Stretch{Conversation: at.Conversation, Interval: Interval{From: at.Seq, To: at.Seq}})
		}
	}
	read, err := r.s.store.Messages(ctx, stretches)
	if err != nil {
		return false, err
	}
	stored := make(map[string]Message, len(read))
	for _, m := range read {
		stored[PlaceID(m.Conversation, m.Seq)] = m
	}
	for i, o := range offered {
		r.lookup.After = &offered[i]
		hit, ok, err := r.check(ctx, stored[o.ID])
		if err != nil {
			return false, err
		}
		if ok {
			r.hits = append(r.hits, hit)
		}
		if len(r.hits) == r.size {
			return i < len(offered)-1 || len(offered) == r.lookup.Limit, nil
		}
	}
	return false, nil
}

// check decides on the message as it is stored, not as the index knows it.
func (r *searching) check(ctx context.Context, m Message) (SearchHit, bool, error) {
	if !m.Kind.said() || !r.q.wants(m) {
		return SearchHit{}, false, nil
	}
	hit, ok := m.match(r.query)
	if !ok {
		return SearchHit{}, false, nil
	}
	c, err := r.conversation(ctx, m.Conversation)
	if err != nil || !c.known || !c.Sees(r.q.User, m.Seq) {
		return SearchHit{}, false, err
	}
	hidden, err := r.s.hiddenIn(ctx, c.Conversation, r.q.User, Interval{From: m.Seq, To: m.Seq})
	return hit, !hidden[m.Seq], err
}

func (r *searching) conversation(ctx context.Context, id ids.ConversationID) (readable, error) {
	if c, ok := r.seen[id]; ok {
		return c, nil
	}
	c, err := r.s.conversation(ctx, r.q.User, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return readable{}, err
	}
	r.seen[id] = readable{Conversation: c, known: err == nil}
	return r.seen[id], nil
}

// show fills and hides what differs by reader, conversation by conversation.
func (r *searching) show(ctx context.Context) error {
	for id, c := range r.seen {
		var items []Message
		var at []int
		for i, h := range r.hits {
			if h.Conversation == id {
				items, at = append(items, h.Message), append(at, i)
			}
		}
		if err := r.s.show(ctx, c.Conversation, r.q.User, items); err != nil {
			return err
		}
		for i, m := range items {
			r.hits[at[i]].Message = m
		}
	}
	return nil
}

// wants tells whether a message passes the filters.
func (q SearchQuery) wants(m Message) bool {
	return (q.Conversation.IsZero() || q.Conversation == m.Conversation) && (q.Sender.IsZero() || q.Sender == m.Sender) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, m.Kind)) && (!q.Links || hasLink(m.Text)) && m.SentAt >= q.From && (q.Until == 0 || m.SentAt < q.Until)
}
