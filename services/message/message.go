// SPDX-License-Identifier: Apache-2.0

package message

import (
	"crypto/sha256"
	"encoding/binary"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of a text, as promised to clients.
const (
	MaxTextCharacters = 8000      // code points
	MaxTextBytes      = 32 * 1024 // UTF-8
)

// BodyKind tells what a message holds. The numbers are stored.
type BodyKind int32

// The kinds of body.
const (
	Text         BodyKind = 1 // plain text
	Image        BodyKind = 2 // a picture
	File         BodyKind = 3 // a file
	Voice        BodyKind = 4 // a voice message
	SystemBody   BodyKind = 5 // what the server says; the text is an encoded System
	RecalledBody BodyKind = 7 // nothing any more: the message was taken back
)

// Draft is what a sender wants to say.
type Draft struct {
	Sender       ids.UserID
	Conversation ids.ConversationID
	// ClientID was made by the sender, once for the message, and is the same on every retry.
	ClientID ids.ClientMessageID
	// Text is kept byte for byte: any Unicode, control characters and U+0000 too.
	Text string
	// Attach is what is sent instead of a text.
	Attach Attachment
	// ReplyTo is the position of the message that this one answers; 0 for none.
	ReplyTo int64
	// Forward is the message whose content is sent; then Text is empty, and Attach is zero.
	Forward Source
}

// Message is one entry of a conversation.
type Message struct {
	Conversation ids.ConversationID
	Seq          int64
	ID           ids.MessageID
	ClientID     ids.ClientMessageID
	Sender       ids.UserID
	// SentAt is the time of the commit, ms.
	SentAt int64
	// Rev is the number of the conversation's change that touched the message last, 0 if none did.
	Rev  int64
	Kind BodyKind
	Text string
	// Media is what a picture, a file or a voice message holds instead of a text.
	Media Media
	// EditedAt is the time of the last edit, ms, 0 if there was none, and Edits how many there were.
	EditedAt int64
	Edits    int32
	// Recall is who took the message back, and when.
	Recall Recall
	// ReplyTo is what the message answers; its Seq is 0 if it answers nothing.
	ReplyTo  Reply
	Mentions Mentions
	// Forward is where the content was copied from; zero if it is the sender's.
	Forward   Forward
	Reactions Reactions
}

// weight is about what the message costs in an answer: ids of users are longer there.
func (m Message) weight() int { return len(m.Text) + m.Media.weight() + 2*len(m.Reactions) + itemBytes }

// Recall tells who took a message back; zero for one that stands.
type Recall struct {
	By           ids.UserID // zero if ByModeration
	At           int64      // ms
	ByModeration bool       // who it was stands in the audit log only
}

// Sent is the answer to a stored message.
type Sent struct {
	Conversation ids.ConversationID
	ClientID     ids.ClientMessageID
	ID           ids.MessageID
	Seq          int64
	SentAt       int64 // ms
}

// Hash is the SHA-256 of what a client message id stands for: conversation, what is answered, kind and
// body.
type Hash [sha256.Size]byte

// Check tells whether a draft may be stored at all; it says nothing about the conversation. A broken
// rule is fault.ErrInvalid with field and rule.
func (d Draft) Check() error {
	switch {
	case d.Sender.IsZero():
		return fault.InvalidField("sender_id", "uuid")
	case d.Conversation.IsZero():
		return fault.InvalidField("conversation_id", "uuid")
	case d.ClientID.IsZero():
		return fault.InvalidField("client_message_id", "uuid")
	case d.ReplyTo < 0:
		return fault.InvalidField("reply_to_seq", "gte")
	case !d.Forward.IsZero() && (d.Text != "" || !d.Attach.IsZero()):
		return fault.InvalidField("content", "absent_with_forward_of")
	case !d.Forward.IsZero():
		return nil
	case !d.Attach.IsZero() && d.Text != "":
		return fault.InvalidField("content", "oneof")
	case !d.Attach.IsZero():
		return d.Attach.check()
	}
	return checkText("content.text.body", d.Text)
}

func checkText(field, text string) error {
	switch {
	case text == "":
		return fault.InvalidField(field, "min_len")
	case len(text) > MaxTextBytes:
		return fault.InvalidField(field, "max_bytes")
	case !utf8.ValidString(text):
		return fault.InvalidField(field, "utf8")
	case utf8.RuneCountInString(text) > MaxTextCharacters:
		return fault.InvalidField(field, "max_len")
	}
	return checkMentions(field, text)
}

// answering and forwarding mark the hash of a draft that does so; no kind of body has this bit.
const (
	answering  = 0x80
	forwarding = 0x81
)

// Hash of the payload.
func (d Draft) Hash() Hash {
	h := sha256.New()
	h.Write(d.Conversation[:])
	if d.ReplyTo > 0 {
		h.Write(binary.BigEndian.AppendUint64([]byte{answering}, uint64(d.ReplyTo)))
	}
	if !d.Forward.IsZero() {
		h.Write(binary.BigEndian.AppendUint64([]byte{forwarding}, uint64(d.Forward.Seq))) //nolint:gosec // checked
		h.Write(d.Forward.Conversation[:])
	}
	if !d.Attach.IsZero() {
		d.Attach.writeTo(h)
		return Hash(h.Sum(nil))
	}
	h.Write([]byte{byte(Text)})
	h.Write([]byte(d.Text))
	return Hash(h.Sum(nil))
}

// Sent is the answer that belongs to the message.
func (m Message) Sent() Sent {
	return Sent{Conversation: m.Conversation, ClientID: m.ClientID, ID: m.ID, Seq: m.Seq, SentAt: m.SentAt}
}
