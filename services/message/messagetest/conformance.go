// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// suite is one store under test. Its tests share it, each with users and conversations of its own.
type suite struct{ store message.Store }

type conformanceTest struct {
	name string
	run  func(t *testing.T)
}

// TestStore holds a store to what the port promises.
func TestStore(t *testing.T, store message.Store) {
	t.Helper()
	s := suite{store: store}
	tests := []conformanceTest{
		{"messages of a conversation are numbered 1, 2, 3", s.numbers},
		{"a retry gets the first answer, also after a close", s.retry},
		{"the same client message id with another payload is refused", s.reuse},
		{"doubles inside one batch are one message", s.doubles},
		{"refused messages of a batch leave no hole", s.refusals},
		{"a batch for many conversations stores each", s.wideBatch},
		{"texts come back byte for byte", s.texts},
		{"ids that differ in case or trailing spaces only are different", s.similarIDs},
		{"one client message id sent by many at once is one message", s.concurrentRetries},
		{"one client message id sent to two conversations at once is stored once", s.concurrentReuse},
		{"concurrent sends leave no hole", s.concurrentSends},
		{"writes of all kinds at once do not get in each other's way", s.concurrentWrites},
		{"a sender has read the own message", s.ownMarker},
		{"a pair has one conversation for ever", s.pair},
		{"concurrent opens of a pair give one id", s.concurrentOpens},
		{"a close that overtakes an open wins", s.overtaking},
		{"a marker never moves back and never passes the head", s.markers},
		{"a hidden reading stays with its reader", s.hiddenMarker},
		{"who is no member cannot move a marker", s.foreignMarker},
		{"conversations are listed by activity, page by page", s.pages},
		{"heads list what moved since a time", s.heads},
		{"heads go on after a position", s.headPages},
		{"stretches of several conversations are read at once", s.stretches},
		{"messages are found by time", s.byTime},
		{"a conversation without changes has none", s.changes},
		{"an edit keeps what was said before", s.edits},
		{"a recall leaves a tombstone that is not unread", s.recalls},
		{"a removal leaves a tombstone and one entry of the audit log", s.removals},
		{"mentions are counted until they are read, recalled or edited away", s.mentions},
		{"mentions in a group are counted for members alone and for all", s.groupMentions},
		{"an answer points to a message of the conversation", s.answers},
		{"a forward copies what its sender can read", s.forwards},
		{"a person gives each emoji once, and a message has at most twenty", s.reactions},
		{"reactions of many at once are all counted", s.concurrentReactions},
		{"changes list the newest state of each message by rev", s.changesList},
		{"who may not change a message changes nothing", s.foreignChange},
		{"edits, recalls and sends at once leave no hole in rev and seq", s.concurrentChanges},
	}
	tests = append(tests, s.groupTests()...)
	tests = append(tests, s.hideTests()...)
	tests = append(tests, s.fileTests()...)
	tests = append(tests, s.raceTests()...)
	tests = append(tests, s.searchTests()...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

// start is when the tests' messages begin, ms.
const start = 1_800_000_000_000

func (s suite) open(t *testing.T) (ids.ConversationID, ids.UserID, ids.UserID) {
	t.Helper()
	a, b := ids.NewUser(), ids.NewUser()
	return s.relate(t, NewPair(t, a, b), 1, true), a, b
}

func (s suite) relate(t *testing.T, pair message.Pair, version int64, open bool) ids.ConversationID {
	t.Helper()
	id, _, err := s.store.Relate(t.Context(), NewRelation(pair, version, open))
	if err != nil {
		t.Fatalf("relate: %v", err)
	}
	return id
}

// NewRelation makes a relation at the start of time with new ids.
func NewRelation(pair message.Pair, version int64, open bool) message.Relation {
	return message.Relation{
		Pair: pair, Version: version, Open: open, At: start, NewID: ids.NewConversation(), EventID: ids.NewEvent(),
	}
}

func (s suite) append(t *testing.T, now int64, drafts ...message.Draft) message.Committed {
	t.Helper()
	committed, err := s.tryAppend(t.Context(), now, drafts...)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return committed
}

// tryAppend repeats a batch that lost a race, as a lane does.
func (s suite) tryAppend(ctx context.Context, now int64, drafts ...message.Draft) (message.Committed, error) {
	var batch []message.Pending
	for _, d := range drafts {
		batch = append(batch, NewPending(d))
	}
	for range 5 {
		committed, err := s.store.Append(ctx, batch, now)
		if !errors.Is(err, message.ErrRaced) {
			return committed, err
		}
	}
	return message.Committed{}, message.ErrRaced
}

func (s suite) read(t *testing.T, id ids.ConversationID, from, to int64) []message.Message {
	t.Helper()
	found, err := s.store.Messages(t.Context(), []message.Stretch{stretch(id, from, to)})
	if err != nil {
		t.Fatalf("messages: %v", err)
	}
	return found
}

func (s suite) conversation(t *testing.T, id ids.ConversationID) message.Conversation {
	t.Helper()
	c, err := s.store.Conversation(t.Context(), id, ids.UserID{})
	if err != nil {
		t.Fatalf("conversation: %v", err)
	}
	return c
}

func stretch(id ids.ConversationID, from, to int64) message.Stretch {
	return message.Stretch{Conversation: id, Interval: message.Interval{From: from, To: to}}
}

func seqs(messages []message.Message) []int64 {
	var list []int64
	for _, m := range messages {
		list = append(list, m.Seq)
	}
	return list
}

func (s suite) numbers(t *testing.T) {
	id, a, b := s.open(t)
	first, second := NewDraft(a, id, "one"), NewDraft(b, id, "two")
	committed := s.append(t, start+1, first, second)
	third := s.append(t, start+2, NewDraft(a, id, "three"))
	if got := []int64{committed.Results[0].Sent.Seq, committed.Results[1].Sent.Seq, third.Results[0].Sent.Seq}; !cmp.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("seqs are %v", got)
	}
	want := message.Message{
		Conversation: id, Seq: 2, ID: committed.Results[1].Sent.ID, ClientID: second.ClientID, Sender: b,
		SentAt: start + 1, Kind: message.Text, Text: "two",
	}
	if diff := cmp.Diff([]message.Message{want}, s.read(t, id, 2, 2)); diff != "" {
		t.Errorf("stored message (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, committed.Events[1].Message); diff != "" {
		t.Errorf("message of the event (-want +got):\n%s", diff)
	}
	c := s.conversation(t, id)
	if diff := cmp.Diff(c.Present(), committed.Events[1].Recipients); diff != "" || len(c.Present()) != 2 {
		t.Errorf("recipients (-members +got):\n%s", diff)
	}
	if c.Seq != 3 || c.ActiveAt != start+2 {
		t.Errorf("head is %d at %d", c.Seq, c.ActiveAt)
	}
}

func (s suite) retry(t *testing.T) {
	a, b := ids.NewUser(), ids.NewUser()
	pair := NewPair(t, a, b)
	id := s.relate(t, pair, 1, true)
	d := NewDraft(a, id, "hello")
	first := s.append(t, start+1, d).Results[0]
	s.append(t, start+2, NewDraft(b, id, "hi"))
	again := s.append(t, start+3, d)
	s.relate(t, pair, 2, false)
	closed := s.append(t, start+4, d)
	for _, got := range []message.Committed{again, closed} {
		if diff := cmp.Diff(first.Sent, got.Results[0].Sent); diff != "" || got.Results[0].Err != nil {
			t.Errorf("answer of a retry: %v (-first +got):\n%s", got.Results[0].Err, diff)
		}
		if len(got.Events) != 0 {
			t.Errorf("a retry emitted %d events", len(got.Events))
		}
	}
	if got := s.conversation(t, id).Seq; got != 2 {
		t.Errorf("head is %d", got)
	}
}

func (s suite) reuse(t *testing.T) {
	id, a, b := s.open(t)
	other := s.relate(t, NewPair(t, a, ids.NewUser()), 1, true)
	d := NewDraft(a, id, "hello")
	s.append(t, start, d)
	text, place, sender := d, d, d
	text.Text, place.Conversation, sender.Sender = "Hello", other, b
	got := s.append(t, start, text, place, sender).Results
	if !errors.Is(got[0].Err, message.ErrReused) || !errors.Is(got[1].Err, message.ErrReused) {
		t.Errorf("another text: %v, another conversation: %v", got[0].Err, got[1].Err)
	}
	if got[2].Err != nil || got[2].Sent.Seq != 2 {
		t.Errorf("another sender: %+v", got[2])
	}
}

func (s suite) doubles(t *testing.T) {
	id, a, _ := s.open(t)
	d := NewDraft(a, id, "hello")
	changed := d
	changed.Text = "other"
	got := s.append(t, start, d, d, changed)
	if got.Results[0] != got.Results[1] || got.Results[0].Sent.Seq != 1 {
		t.Errorf("answers differ: %+v", got.Results)
	}
	if !errors.Is(got.Results[2].Err, message.ErrReused) {
		t.Errorf("other payload: %v", got.Results[2].Err)
	}
	if n := len(s.read(t, id, 1, 9)); n != 1 || len(got.Events) != 1 {
		t.Errorf("%d messages, %d events", n, len(got.Events))
	}
}

func (s suite) refusals(t *testing.T) {
	id, a, b := s.open(t)
	closedPair := NewPair(t, a, ids.NewUser())
	closed := s.relate(t, closedPair, 1, true)
	s.relate(t, closedPair, 2, false)
	foreign, _, _ := s.open(t)
	got := s.append(t, start, NewDraft(a, id, "1"), NewDraft(a, closed, "x"), NewDraft(a, foreign, "x"),
		NewDraft(a, ids.NewConversation(), "x"), NewDraft(b, id, "2")).Results
	want := []error{nil, message.ErrReadOnly, message.ErrNotFound, message.ErrNotFound, nil}
	for i, r := range got {
		if !errors.Is(r.Err, want[i]) {
			t.Errorf("message %d: %v, want %v", i, r.Err, want[i])
		}
	}
	if diff := cmp.Diff([]int64{1, 2}, seqs(s.read(t, id, 1, 9))); diff != "" {
		t.Error(diff)
	}
	if n := len(s.read(t, closed, 1, 9)) + len(s.read(t, foreign, 1, 9)); n != 0 {
		t.Errorf("%d refused messages were stored", n)
	}
}

func (s suite) wideBatch(t *testing.T) {
	var drafts []message.Draft
	for range message.MaxBatchRows / 2 {
		id, a, b := s.open(t)
		drafts = append(drafts, NewDraft(a, id, "ping"), NewDraft(b, id, "pong"))
	}
	for i, r := range s.append(t, start, drafts...).Results {
		if r.Err != nil || r.Sent.Seq != int64(i%2+1) || r.Sent.Conversation != drafts[i].Conversation {
			t.Fatalf("message %d: %+v", i, r)
		}
		c := s.conversation(t, drafts[i].Conversation)
		if m, _ := c.Membership(drafts[i].Sender); c.Seq != 2 || m.ReadSeq != r.Sent.Seq {
			t.Fatalf("head %d, marker %d of sender of %d", c.Seq, m.ReadSeq, r.Sent.Seq)
		}
	}
}

func (s suite) texts(t *testing.T) {
	id, a, _ := s.open(t)
	texts := []string{
		"a", "A", "a ", "a  ", " a", "123", "1e3", "\x00", "a\x00b", "\u202e", "é", "e\u0301", "\U0001F600", "' OR 1=1 --", `\`, "%_?",
		"\r\n", strings.Repeat("\U0001F600", message.MaxTextCharacters), strings.Repeat("x", message.MaxTextCharacters),
	}
	var drafts []message.Draft
	for _, text := range texts {
		drafts = append(drafts, NewDraft(a, id, text))
	}
	s.append(t, start, drafts...)
	var got []string
	for _, m := range s.read(t, id, 1, int64(len(texts))) {
		got = append(got, m.Text)
	}
	if diff := cmp.Diff(texts, got); diff != "" {
		t.Error(diff)
	}
}

func (s suite) similarIDs(t *testing.T) {
	id, a, _ := s.open(t)
	var drafts []message.Draft
	base := ids.NewClientMessage()
	for _, last := range []byte{'a', 'A', ' ', 0, 'b'} {
		client := base
		client[15] = last
		drafts = append(drafts, message.Draft{Sender: a, Conversation: id, ClientID: client, Text: string(last)})
	}
	spaces := message.Draft{Sender: a, Conversation: id, Text: "x"}
	copy(spaces.ClientID[:], "0123456789      ")
	digits := spaces
	copy(digits.ClientID[:], "0123456789012345")
	for i, r := range s.append(t, start, append(drafts, spaces, digits)...).Results {
		if r.Err != nil || r.Sent.Seq != int64(i+1) {
			t.Errorf("message %d: %+v", i, r)
		}
	}
}

func (s suite) concurrentRetries(t *testing.T) {
	id, a, _ := s.open(t)
	d := NewDraft(a, id, "hello")
	var (
		wg      sync.WaitGroup
		answers [16]message.Result
	)
	for i := range answers {
		wg.Go(func() {
			committed, err := s.tryAppend(t.Context(), start, d)
			if err != nil {
				t.Errorf("append: %v", err)
				return
			}
			answers[i] = committed.Results[0]
		})
	}
	wg.Wait()
	for _, got := range answers {
		if got != answers[0] || got.Sent.Seq != 1 {
			t.Errorf("answers differ: %+v", got)
		}
	}
	if n := len(s.read(t, id, 1, 99)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func (s suite) concurrentReuse(t *testing.T) {
	a := ids.NewUser()
	client := ids.NewClientMessage()
	var (
		wg      sync.WaitGroup
		answers [8]message.Result
	)
	for i := range answers {
		d := NewDraft(a, s.relate(t, NewPair(t, a, ids.NewUser()), 1, true), "hello")
		d.ClientID = client
		wg.Go(func() {
			committed, err := s.tryAppend(t.Context(), start, d)
			if err != nil {
				t.Errorf("append: %v", err)
				return
			}
			answers[i] = committed.Results[0]
		})
	}
	wg.Wait()
	stored := 0
	for _, r := range answers {
		if r.Err == nil {
			stored++
		} else if !errors.Is(r.Err, message.ErrReused) {
			t.Errorf("refused with %v", r.Err)
		}
	}
	if stored != 1 {
		t.Errorf("stored %d times", stored)
	}
}

func (s suite) concurrentSends(t *testing.T) {
	one, a, _ := s.open(t)
	two := s.relate(t, NewPair(t, a, ids.NewUser()), 1, true)
	const senders, each = 8, 10
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for range each {
				drafts := []message.Draft{NewDraft(a, one, "x"), NewDraft(a, two, "y")}
				if i%2 == 1 { // batches name their conversations in any order
					drafts[0], drafts[1] = drafts[1], drafts[0]
				}
				if _, err := s.tryAppend(t.Context(), start, drafts...); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range []ids.ConversationID{one, two} {
		for i, m := range s.read(t, id, 1, 1000) {
			if m.Seq != int64(i+1) {
				t.Fatalf("message %d has seq %d", i+1, m.Seq)
			}
		}
		if got := s.conversation(t, id).Seq; got != senders*each {
			t.Errorf("head is %d", got)
		}
	}
}

func (s suite) ownMarker(t *testing.T) {
	id, a, b := s.open(t)
	s.append(t, start, NewDraft(a, id, "1"), NewDraft(a, id, "2"), NewDraft(b, id, "3"))
	c := s.conversation(t, id)
	if h := c.Head(a); h.ReadSeq != 2 || h.Unread != 1 {
		t.Errorf("head of the first sender: %+v", h)
	}
	if h := c.Head(b); h.ReadSeq != 3 || h.Unread != 0 {
		t.Errorf("head of the last sender: %+v", h)
	}
}
