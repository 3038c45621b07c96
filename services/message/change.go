// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
)

// How long senders may change what they said, unless the Options say otherwise.
const (
	DefaultRecallWindow = 2 * time.Minute
	DefaultEditWindow   = 24 * time.Hour
)

// MaxEdits bounds the versions that are kept of one message; chosen, no evidence.
const MaxEdits = 100

// ChangeKind tells what a change does to a message.
type ChangeKind int

// The kinds of change.
const (
	Recalling    ChangeKind = iota + 1 // the body goes, position and a tombstone stay
	Editing                            // the text is replaced, the old one becomes a version
	Reacting                           // an emoji is added or removed
	Removing                           // as Recalling, by who answers for the platform
	Transcribing                       // a voice message gets its text, or the text failed
	AskingAgain                        // the text of a voice message is wanted once more
)

// Change asks to change a message that is stored.
type Change struct {
	Conversation ids.ConversationID
	Seq          int64
	// By is who asks.
	By   ids.UserID
	Kind ChangeKind
	Text string // Editing
	// Emoji, Remove and Reacted are for Reacting. Whether By has given the emoji already is told by the
	// store, from under the lock.
	Emoji           string
	Remove, Reacted bool
	// Window is how long after the commit the sender may do this.
	Window time.Duration
	// At is the time of the change, ms.
	At int64
	// EventID is the id of the event if the message changes.
	EventID ids.EventID
	// Audit is written if the message changes, about its sender; for Removing.
	Audit *audit.Entry
	// Transcript answers the request that its Attempt names; for Transcribing.
	Transcript Transcript
	// SpeechEvent is the id of the event that asks for a text, zero where nobody would hear it; for AskingAgain.
	SpeechEvent ids.EventID
}

// Version is what a message said before an edit.
type Version struct {
	// Number is 1 for what was sent, 2 for the first edit, and so on.
	Number int32
	// WrittenAt is when it was sent or edited to, ms.
	WrittenAt int64
	Text      string
}

// ChangePlan is what a store writes for a change.
type ChangePlan struct {
	// Message is as it stands afterwards. Its rev is that of the conversation from then on if Changed.
	Message Message
	// Changed is false if the message is already as it was asked to be; then nothing is written.
	Changed bool
	// Uncall lists for whom a mention by the message is not counted any more.
	Uncall []ids.UserID
	// Keep is the version that an edit leaves behind; nil for every other change.
	Keep *Version
	// Events are to be emitted.
	Events []Event
	// Audit is an entry of the audit log; nil for what people do with their own.
	Audit *audit.Entry
}

// DecideChange settles a change on the locked conversation and the message at its position; ok is false
// if there is none.
//
// The order of the questions matters, as in Decide: who may not see a message learns nothing, and a
// repeat of what was done gets the same answer, even if it came too late to be done now.
func DecideChange(c Conversation, m Message, ok bool, ch Change) (ChangePlan, error) {
	switch ch.Kind {
	case Removing:
		return ch.remove(c, m, ok)
	case Transcribing:
		return ch.transcribe(c, m, ok)
	case Recalling, Editing, Reacting, AskingAgain: // by who can see the message
	}
	if member, is := c.Membership(ch.By); !ok || !is || member.Left || !c.Sees(ch.By, m.Seq) {
		return ChangePlan{}, ErrNotFound
	}
	switch ch.Kind {
	case Recalling:
		return ch.recall(c, m)
	case Editing:
		return ch.edit(c, m)
	case Reacting:
		return ch.react(c, m)
	case AskingAgain:
		return ch.askAgain(c, m)
	case Removing, Transcribing: // settled above
	}
	return ChangePlan{}, ErrForbidden
}

func (ch Change) recall(c Conversation, m Message) (ChangePlan, error) {
	own, manages := m.Sender == ch.By, c.Manages(ch.By)
	switch {
	case !own && !manages:
		return ChangePlan{}, ErrForbidden
	case m.Kind == RecalledBody:
		return ChangePlan{Message: m}, nil
	case !m.Kind.said():
		return ChangePlan{}, ErrForbidden
	case c.State != Open:
		return ChangePlan{}, ErrReadOnly
	case !manages && ch.late(m):
		return ChangePlan{}, ErrTooLate
	}
	return ch.plan(c, m, tombstone(m, Recall{By: ch.By, At: ch.At}), MessageRecalled), nil
}

// tombstone is what is left of a message.
func tombstone(m Message, recall Recall) Message {
	m.Kind, m.Text, m.Media, m.EditedAt, m.Edits = RecalledBody, "", Media{}, 0, 0
	m.ReplyTo, m.Mentions, m.Forward, m.Reactions = Reply{}, Mentions{}, Forward{}, ""
	m.Recall = recall
	return m
}

func (ch Change) edit(c Conversation, m Message) (ChangePlan, error) {
	switch {
	case m.Sender != ch.By:
		return ChangePlan{}, ErrForbidden
	case m.Kind == RecalledBody:
		return ChangePlan{}, ErrRecalled
	case m.Kind != Text, !m.Forward.Source.IsZero():
		return ChangePlan{}, ErrForbidden
	case m.Text == ch.Text:
		return ChangePlan{Message: m}, nil
	case c.State != Open:
		return ChangePlan{}, ErrReadOnly
	case ch.late(m):
		return ChangePlan{}, ErrTooLate
	case m.Edits >= MaxEdits:
		return ChangePlan{}, ErrTooManyEdits
	}
	mentions, err := DecideMentions(c, ch.By, ch.Text)
	if err != nil {
		return ChangePlan{}, err
	}
	old := &Version{Number: m.Edits + 1, WrittenAt: max(m.SentAt, m.EditedAt), Text: m.Text}
	edited := m
	edited.Text, edited.EditedAt, edited.Edits, edited.Mentions = ch.Text, max(ch.At, old.WrittenAt), m.Edits+1, mentions
	plan := ch.plan(c, m, edited, MessageEdited)
	plan.Keep = old
	return plan, nil
}

// late compares with the time of the commit; another pod's clock may be ahead of this one.
func (ch Change) late(m Message) bool { return ch.At-m.SentAt > ch.Window.Milliseconds() }

// plan gives the change the next number of the conversation. Only who can see the message hears of it.
func (ch Change) plan(c Conversation, before, after Message, kind EventKind) ChangePlan {
	after.Rev = c.Rev + 1
	event := Event{ID: ch.EventID, Kind: kind, OccurredAt: ch.At, MembersRev: c.audience(), Message: after}
	if event.MembersRev == 0 {
		event.Recipients = c.Watching(after.Seq)
	}
	return ChangePlan{Message: after, Changed: true, Uncall: dropped(before, after), Events: []Event{event}}
}

// Recall takes a message back and answers its tombstone. Again is no error.
func (s *Service) Recall(ctx context.Context, user ids.UserID, id ids.ConversationID, seq int64) (Message, error) {
	return s.change(ctx, Change{Conversation: id, Seq: seq, By: user, Kind: Recalling, Window: s.recallWindow})
}

// Edit replaces the text of a message and answers it. The same text changes nothing.
func (s *Service) Edit(ctx context.Context, user ids.UserID, id ids.ConversationID, seq int64, text string) (Message, error) {
	if err := checkText("text.body", text); err != nil {
		return Message{}, err
	}
	return s.change(ctx, Change{Conversation: id, Seq: seq, By: user, Kind: Editing, Text: text, Window: s.editWindow})
}

func (s *Service) change(ctx context.Context, ch Change) (Message, error) {
	ch.At, ch.EventID = s.nowMillis(), ids.NewEvent()
	plan, err := s.store.Change(ctx, ch)
	if err != nil {
		return Message{}, err
	}
	s.publisher.Publish(plan.Events...)
	if plan.Message.ReplyTo.Seq == 0 && plan.Message.Forward.Source.IsZero() {
		return plan.Message, nil
	}
	c, err := s.conversation(ctx, ch.By, ch.Conversation)
	if err != nil {
		return Message{}, err
	}
	answer := []Message{plan.Message}
	if err := s.show(ctx, c, ch.By, answer); err != nil {
		return Message{}, err
	}
	return answer[0], nil
}

// VersionsQuery asks for earlier versions of a message.
type VersionsQuery struct {
	User         ids.UserID
	Conversation ids.ConversationID
	Seq          int64
	After        int32 // versions with a higher number
}

// ListVersions reads what a message said before, oldest first, up to MaxPageBytes; more is true if later
// versions follow. A recalled message has none.
func (s *Service) ListVersions(ctx context.Context, q VersionsQuery) (list []Version, more bool, err error) {
	c, err := s.conversation(ctx, q.User, q.Conversation)
	if err != nil {
		return nil, false, err
	}
	hidden, err := s.hiddenIn(ctx, c, q.User, Interval{From: q.Seq, To: q.Seq})
	if err != nil {
		return nil, false, err
	}
	if !c.Sees(q.User, q.Seq) || hidden[q.Seq] {
		return nil, false, ErrNotFound
	}
	if list, err = s.store.Versions(ctx, q); err != nil {
		return nil, false, err
	}
	n := within(len(list), func(i int) int { return len(list[i].Text) })
	return list[:n], n < len(list), nil
}

// within counts how many items a page of MaxPageBytes holds; one item always fits.
func within(n int, weight func(i int) int) int {
	left := MaxPageBytes
	for i := range n {
		if left -= weight(i) + itemBytes; left < 0 && i > 0 {
			return i
		}
	}
	return n
}
