// SPDX-License-Identifier: Apache-2.0

package message

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/services/internal/ids"
)

// EventKind names a committed fact; its text is the routing key.
type EventKind string

// The events of this package.
const (
	MessageCreated      EventKind = "message.created"
	MessageRecalled     EventKind = "message.recalled"
	MessageEdited       EventKind = "message.edited"
	MessageReacted      EventKind = "message.reacted"
	ConversationCreated EventKind = "conversation.created"
	ConversationUpdated EventKind = "conversation.updated"
	MarkerMoved         EventKind = "marker.moved"
	MessageHidden       EventKind = "message.hidden"
	MessageTranscribed  EventKind = "message.transcribed"
	// SpeechRequested asks for the text of a voice message; no person hears of it.
	SpeechRequested EventKind = "speech.requested"
)

// Event is one committed fact. Which of the last fields are set follows from the kind.
type Event struct {
	// ID is the same on every repeat; consumers de-duplicate by it.
	ID   ids.EventID
	Kind EventKind
	// OccurredAt is the time of the commit, ms.
	OccurredAt int64
	// Recipients were members at the commit; with MembersRev those who hear of it besides.
	Recipients []ids.UserID
	// MembersRev says who hears of it in a group: its members at this membership version, of a change only
	// those who may see the message. 0 in a direct conversation.
	MembersRev int64

	Message      Message      // message.* but message.hidden, and speech.requested: as it stands then
	Conversation Conversation // conversation.created, conversation.updated
	Marker       Marker       // marker.moved; message.hidden: by whom and which
}

// EventRef is what the outbox keeps of an event: enough to build it again, and never a body.
type EventRef struct {
	ID           ids.EventID
	Kind         EventKind
	OccurredAt   int64 // ms
	Conversation ids.ConversationID
	Seq          int64      // of a message, and of marker.moved and message.hidden
	User         ids.UserID // marker.moved, message.hidden
	MembersRev   int64      // in a group
}

// refBytes is a conversation id, a seq and a user id; in a group a membership version follows.
const (
	refBytes      = 16 + 8 + 16
	groupRefBytes = refBytes + 8
)

// Ref of the event.
func (e Event) Ref() EventRef {
	r := EventRef{ID: e.ID, Kind: e.Kind, OccurredAt: e.OccurredAt, MembersRev: e.MembersRev}
	switch e.Kind {
	case MessageCreated, MessageRecalled, MessageEdited, MessageReacted, MessageTranscribed, SpeechRequested:
		r.Conversation, r.Seq = e.Message.Conversation, e.Message.Seq
	case ConversationCreated, ConversationUpdated:
		r.Conversation = e.Conversation.ID
	case MarkerMoved, MessageHidden:
		r.Conversation, r.Seq, r.User = e.Marker.Conversation, e.Marker.Seq, e.Marker.User
	}
	return r
}

// Encode gives the keys for an outbox row; id, kind and time have columns of their own.
func (r EventRef) Encode() []byte {
	b := make([]byte, 0, groupRefBytes)
	b = append(b, r.Conversation[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Seq)) //nolint:gosec // a seq is never negative
	b = append(b, r.User[:]...)
	if r.MembersRev > 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(r.MembersRev))
	}
	return b
}

// Decode reads the keys of an outbox row into the reference.
func (r *EventRef) Decode(b []byte) error {
	if len(b) != refBytes && len(b) != groupRefBytes {
		return fmt.Errorf("outbox row with %d bytes of keys", len(b))
	}
	if r.MembersRev = 0; len(b) == groupRefBytes {
		r.MembersRev = int64(binary.BigEndian.Uint64(b[refBytes:])) //nolint:gosec // written by Encode
		if r.MembersRev <= 0 {
			return errors.New("outbox row of a group without a membership version")
		}
	}
	copy(r.Conversation[:], b[:16])
	r.Seq = int64(binary.BigEndian.Uint64(b[16:24])) //nolint:gosec // written by Encode
	copy(r.User[:], b[24:refBytes])
	return nil
}

// OfMessage tells whether the event carries a message.
func (k EventKind) OfMessage() bool {
	switch k {
	case MessageCreated, MessageRecalled, MessageEdited, MessageReacted, MessageTranscribed, SpeechRequested:
		return true
	case ConversationCreated, ConversationUpdated, MarkerMoved, MessageHidden:
	}
	return false
}

// Rebuild makes the event of a reference again, from the conversation and the message as they are now.
// Recipients of message.created are those of the commit; of a change, who may see it now.
func (r EventRef) Rebuild(c Conversation, m Message) Event {
	e := Event{ID: r.ID, Kind: r.Kind, OccurredAt: r.OccurredAt, Recipients: c.Present()}
	if r.MembersRev > 0 {
		return r.rebuildInGroup(e, c, m)
	}
	switch r.Kind {
	case MessageCreated:
		e.Message, e.Recipients = m, c.PresentAt(r.Seq)
	case MessageRecalled, MessageEdited, MessageReacted, MessageTranscribed:
		e.Message, e.Recipients = m, c.Watching(r.Seq)
	case SpeechRequested:
		e.Message, e.Recipients = m, nil
	case ConversationCreated, ConversationUpdated:
		e.Conversation = c
	case MarkerMoved:
		e.Marker = Marker{Conversation: r.Conversation, User: r.User, Seq: r.Seq}
		// What the reader hid stays hidden here too.
		if reader, _ := c.Membership(r.User); c.Kind == Group || reader.ShownSeq < r.Seq {
			e.Recipients = []ids.UserID{r.User}
		}
	case MessageHidden:
		e.Marker = Marker{Conversation: r.Conversation, User: r.User, Seq: r.Seq}
		e.Recipients = []ids.UserID{r.User}
	}
	return e
}

// rebuildInGroup tells a conversation and a marker to who is a member now, because they are told as they
// are now. A message never changes its place: it goes to the members at its commit and, if it says that
// some of them left, to those too; they are the members of c.
func (r EventRef) rebuildInGroup(e Event, c Conversation, m Message) Event {
	e.Recipients, e.MembersRev = nil, c.MembersRev
	switch r.Kind {
	case MessageCreated:
		e.Message, e.MembersRev = m, r.MembersRev
		if m.Kind == SystemBody {
			e.Recipients = c.leftAt(r.MembersRev)
		}
	case MessageRecalled, MessageEdited, MessageReacted, MessageTranscribed:
		e.Message = m
	case ConversationCreated, ConversationUpdated:
		c.Members = nil
		e.Conversation = c
	case MarkerMoved:
		e.Marker = Marker{Conversation: r.Conversation, User: r.User, Seq: r.Seq}
		if e.Recipients = []ids.UserID{r.User}; c.MemberCount > MaxMarkerMembers {
			e.MembersRev = 0
		}
	case MessageHidden, SpeechRequested: // tell no membership version
	}
	return e
}

// messageEvent tells a message to the members of its conversation.
func messageEvent(id ids.EventID, m Message, c Conversation) Event {
	e := Event{ID: id, Kind: MessageCreated, OccurredAt: m.SentAt, Message: m}
	if e.MembersRev = c.audience(); e.MembersRev == 0 {
		e.Recipients = c.Present()
	}
	return e
}

// speechEvent asks for the text of a voice message.
func speechEvent(id ids.EventID, m Message, at int64) Event {
	return Event{ID: id, Kind: SpeechRequested, OccurredAt: at, Message: m}
}

func conversationEvent(kind EventKind, r Relation, c Conversation) Event {
	return Event{ID: r.EventID, Kind: kind, OccurredAt: r.At, Recipients: c.Present(), Conversation: c}
}
