// SPDX-License-Identifier: Apache-2.0

package message

import (
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Pending is a checked draft with the ids that it gets if it is stored.
type Pending struct {
	Draft
	Hash    Hash
	ID      ids.MessageID
	EventID ids.EventID
	// Cited is the file that the message will show, and Refused why there is none; both are zero for a text.
	Cited   CitedFile
	Refused error
	// SpeechEvent asks for the text of a voice message; zero: nobody does.
	SpeechEvent ids.EventID
}

// ClientKey is what a message is unique by, besides its position.
type ClientKey struct {
	Sender   ids.UserID
	ClientID ids.ClientMessageID
}

// Key of the draft.
func (d Draft) Key() ClientKey { return ClientKey{Sender: d.Sender, ClientID: d.ClientID} }

// Stored is a message that an earlier batch stored, as far as a retry needs it.
type Stored struct {
	Sent
	Hash Hash
}

// Facts is what a batch is settled on. A store reads them in the transaction of the batch, after it
// has locked the conversations.
type Facts struct {
	// Conversations holds the known ones among those of the batch; a group at least with the senders.
	Conversations map[ids.ConversationID]Conversation
	// Stored holds the known ones among the keys of the batch.
	Stored map[ClientKey]Stored
	// Originals holds what the batch forwards, as far as it exists.
	Originals map[Source]Original
	// Now is the time of the commit, ms.
	Now int64
}

// Result is the answer to one message: Sent if Err is nil.
type Result struct {
	Sent Sent
	Err  error
}

// Row is a message to insert.
type Row struct {
	Message
	Hash Hash
}

// Plan is what a store writes for a batch.
type Plan struct {
	// Results has one answer for each message of the batch, in its place. They hold after the commit.
	Results []Result
	// Rows are to be inserted, in the order of the batch.
	Rows []Row
	// Conversations are those that got messages, in the order of ids, with the new seq, the new
	// ActiveAt and the moved markers of their senders. All present members see them move.
	Conversations []Conversation
	// Events has one message.created for each row, and one speech.requested for each voice message whose text
	// is wanted.
	Events []Event
}

// Decide settles a batch on facts. It changes neither.
//
// The order of the questions matters. A retry gets the first answer even if the conversation was
// closed since, because that answer is what happened. Only then count membership and state.
func Decide(batch []Pending, facts Facts) Plan {
	b := settlement{facts: facts, heads: map[ids.ConversationID]*Conversation{}, stored: map[ClientKey]Stored{}}
	for _, p := range batch {
		sent, err := b.settle(p)
		b.plan.Results = append(b.plan.Results, Result{Sent: sent, Err: err})
	}
	for _, c := range b.heads {
		b.plan.Conversations = append(b.plan.Conversations, *c)
	}
	slices.SortFunc(b.plan.Conversations, func(x, y Conversation) int { return x.ID.Compare(y.ID) })
	return b.plan
}

// settlement is a batch halfway through.
type settlement struct {
	facts  Facts
	heads  map[ids.ConversationID]*Conversation // conversations with new messages
	stored map[ClientKey]Stored                 // messages of this batch
	plan   Plan
}

func (b *settlement) settle(p Pending) (Sent, error) {
	if first, ok := b.first(p.Key()); ok {
		if first.Hash != p.Hash {
			return Sent{}, ErrReused
		}
		return first.Sent, nil
	}
	c, err := b.writable(p.Draft)
	if err != nil {
		return Sent{}, err
	}
	m, err := b.content(p, *c)
	if err != nil {
		return Sent{}, err
	}
	return b.store(p, c, m), nil
}

// content of the message that a draft becomes.
func (b *settlement) content(p Pending, c Conversation) (Message, error) {
	m := Message{Kind: Text, Text: p.Text, ReplyTo: Reply{Seq: p.ReplyTo}}
	var err error
	switch {
	case !p.Forward.IsZero():
		err = b.copyInto(&m, p)
	case !p.Attach.IsZero():
		m.Kind, m.Media, err = p.Attach.Kind, mediaOf(p.Attach, p.Cited), p.Refused
	default:
		m.Mentions, err = DecideMentions(c, p.Sender, p.Text)
	}
	if m.Kind == Voice && !p.SpeechEvent.IsZero() && m.Media.Transcript.State == NoTranscript {
		m.Media.Transcript = Transcript{State: TranscriptPending, Attempt: 1, AskedAt: b.facts.Now}
	}
	return m, err
}

func (b *settlement) first(key ClientKey) (Stored, bool) {
	if first, ok := b.facts.Stored[key]; ok {
		return first, true
	}
	first, ok := b.stored[key]
	return first, ok
}

// writable is the conversation of a draft, if its sender can write there.
func (b *settlement) writable(d Draft) (*Conversation, error) {
	c, ok := b.heads[d.Conversation]
	if !ok {
		known, found := b.facts.Conversations[d.Conversation]
		if !found {
			return nil, ErrNotFound
		}
		known.Members = slices.Clone(known.Members)
		c = &known
	}
	m, ok := c.Membership(d.Sender)
	switch {
	case !ok || m.Left:
		return nil, ErrNotFound
	case c.State != Open:
		return nil, ErrReadOnly
	case d.ReplyTo > 0 && !c.Sees(d.Sender, d.ReplyTo):
		return nil, ErrNotFound
	}
	return c, nil
}

// store gives a message its place; its content is settled already.
func (b *settlement) store(p Pending, c *Conversation, m Message) Sent {
	c.Seq++
	c.ActiveAt = max(c.ActiveAt, b.facts.Now)
	for i := range c.Members {
		if m := &c.Members[i]; m.UserID == p.Sender && !m.Left {
			m.ReadSeq, m.ShownSeq = c.Seq, c.Seq
		}
	}
	m.Conversation, m.Seq, m.ID, m.ClientID, m.Sender = p.Conversation, c.Seq, p.ID, p.ClientID, p.Sender
	m.SentAt = b.facts.Now
	b.heads[p.Conversation] = c
	b.stored[p.Key()] = Stored{Sent: m.Sent(), Hash: p.Hash}
	b.plan.Rows = append(b.plan.Rows, Row{Message: m, Hash: p.Hash})
	b.plan.Events = append(b.plan.Events, messageEvent(p.EventID, m, *c))
	if m.Media.Transcript.State == TranscriptPending {
		b.plan.Events = append(b.plan.Events, speechEvent(p.SpeechEvent, m, m.SentAt))
	}
	return m.Sent()
}
