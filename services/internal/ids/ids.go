// SPDX-License-Identifier: Apache-2.0

// Package ids holds the typed identifiers of Parley.
//
// An id is a UUID of 16 bytes: version 7 where the server makes it. Text is the canonical form in
// lower case; SQL holds BINARY(16). The zero id is invalid. Nothing is ever read out of an id, its
// time included.
package ids

import (
	"database/sql/driver"
	"fmt"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/fault"
)

// ID is an identifier of one kind of thing; the type parameter keeps kinds apart.
type ID[Of any] [16]byte

// The kinds.
type (
	user          struct{}
	loginSession  struct{}
	device        struct{}
	instance      struct{}
	session       struct{}
	conversation  struct{}
	message       struct{}
	clientMessage struct{}
	request       struct{}
	event         struct{}
	auditEntry    struct{}
	codeRequest   struct{}
	key           struct{}
	file          struct{}
)

// UserID names an account.
type UserID = ID[user]

// LoginSessionID names what a token proves.
type LoginSessionID = ID[loginSession]

// DeviceID names one installed client; the client makes it.
type DeviceID = ID[device]

// InstanceID names one running copy of a client; the client makes it.
type InstanceID = ID[instance]

// SessionID names one WebSocket session.
type SessionID = ID[session]

// ConversationID names a conversation.
type ConversationID = ID[conversation]

// MessageID names a message.
type MessageID = ID[message]

// ClientMessageID is the sender's name of a message, the same on every retry.
type ClientMessageID = ID[clientMessage]

// FriendRequestID names a friend request.
type FriendRequestID = ID[request]

// EventID names a committed fact, the same on every repeat.
type EventID = ID[event]

// AuditEntryID names an entry of the audit log.
type AuditEntryID = ID[auditEntry]

// CodeRequestID names one code that was sent to a phone.
type CodeRequestID = ID[codeRequest]

// IdempotencyKey names a wish of a client, the same on every retry.
type IdempotencyKey = ID[key]

// FileID names a file, from the upload on.
type FileID = ID[file]

// New makes a version 7 id. It panics if the system has no randomness.
func New[Of any]() ID[Of] { return ID[Of](uuid.Must(uuid.NewV7())) }

// Random makes a version 4 id, for what a process invents for itself and never stores.
func Random[Of any]() ID[Of] { return ID[Of](uuid.New()) }

// Parse reads the canonical lower-case text. Anything else, the zero id too, is fault.ErrInvalid with
// the field's name.
func Parse[Of any](field, text string) (ID[Of], error) {
	u, err := uuid.Parse(text)
	if err != nil || u.String() != text || u == uuid.Nil {
		return ID[Of]{}, fault.InvalidField(field, "uuid")
	}
	return ID[Of](u), nil
}

// parseAll reads a list as a whole: the first that is none is the error.
func parseAll[Of any](field string, texts []string) ([]ID[Of], error) {
	list := make([]ID[Of], len(texts))
	for i, text := range texts {
		id, err := Parse[Of](field, text)
		if err != nil {
			return nil, err
		}
		list[i] = id
	}
	return list, nil
}

// FromBytes reads 16 bytes; ok is false for any other length and for the zero id.
func FromBytes[Of any](b []byte) (id ID[Of], ok bool) {
	if len(b) != len(id) {
		return id, false
	}
	copy(id[:], b)
	return id, !id.IsZero()
}

// String is the canonical lower-case text.
func (id ID[Of]) String() string { return uuid.UUID(id).String() }

// Optional is the text, empty for the zero id.
func (id ID[Of]) Optional() string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// Texts are the canonical texts of a list.
func Texts[Of any](list []ID[Of]) []string {
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = id.String()
	}
	return texts
}

// IsZero tells an id that was never set.
func (id ID[Of]) IsZero() bool { return id == ID[Of]{} }

// Bytes is a fresh slice of the 16 bytes.
func (id ID[Of]) Bytes() []byte { return append([]byte(nil), id[:]...) }

// Compare orders ids by their bytes, as SQL does; the order means nothing else.
func (id ID[Of]) Compare(other ID[Of]) int {
	for i := range id {
		if id[i] != other[i] {
			return int(id[i]) - int(other[i])
		}
	}
	return 0
}

// Value gives SQL the 16 bytes, NULL for the zero id.
func (id ID[Of]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id[:], nil
}

// Scan reads 16 bytes or NULL.
func (id *ID[Of]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID[Of]{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return fmt.Errorf("id of %d bytes in the database", len(v))
	default:
		return fmt.Errorf("id of type %T in the database", src)
	}
}

// MarshalText writes the canonical text, for JSON and logs.
func (id ID[Of]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the canonical text.
func (id *ID[Of]) UnmarshalText(text []byte) error {
	parsed, err := Parse[Of]("id", string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
