// SPDX-License-Identifier: Apache-2.0

package client

import (
	"maps"
	"slices"
	"sync"
)

// Range of seq, both ends included.
type Range struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Position is how far a conversation is stored on this device.
type Position struct {
	// Seq is the last one up to which everything is stored, a declared gap, or a recorded hole.
	Seq int64 `json:"seq"`
	// Rev is the last change that is stored.
	Rev int64 `json:"rev"`
	// HiddenRev is the last hide of the user that is stored.
	HiddenRev int64 `json:"hidden_rev,omitempty"`
	// Holes are ranges that were left out, ascending.
	Holes []Range `json:"holes,omitempty"`
}

// Entry is one message that the server has not acknowledged.
type Entry struct {
	ClientMessageID string `json:"client_message_id"`
	ConversationID  string `json:"conversation_id"`
	// Request is a serialized parley.message.v1.SendRequest: every try sends these bytes.
	Request []byte `json:"request"`
	// CreatedAt by the clock of this device, ms.
	CreatedAt int64 `json:"created_at"`
}

// Snapshot is all that a store holds.
type Snapshot struct {
	Cursor    string
	Positions map[string]Position // by conversation id
	Outbox    []Entry             // in the order of PutEntry
}

// Store keeps what a client must not forget. It is used by one client; methods may be called from
// several goroutines. A method that returned nil has stored durably, as far as the store can.
type Store interface {
	// Load answers everything; an empty snapshot on a new device.
	Load() (Snapshot, error)
	// SaveCursor replaces the cursor. An empty one follows when everything was forgotten: then nothing of
	// the past may be left in files.
	SaveCursor(cursor string) error
	// SavePosition replaces the position of a conversation; the zero position forgets it.
	SavePosition(conversationID string, p Position) error
	// PutEntry adds an unsent message at the end.
	PutEntry(e Entry) error
	// DropEntry removes an unsent message; one that is not there is no error.
	DropEntry(clientMessageID string) error
}

// MemoryStore is a Store that goes with the process. It is safe for concurrent use.
type MemoryStore struct {
	mu sync.Mutex // guards s
	s  Snapshot
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{s: Snapshot{Positions: map[string]Position{}}}
}

// Load answers a copy.
func (m *MemoryStore) Load() (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Snapshot{
		Cursor: m.s.Cursor, Positions: maps.Clone(m.s.Positions), Outbox: slices.Clone(m.s.Outbox),
	}, nil
}

// SaveCursor replaces the cursor.
func (m *MemoryStore) SaveCursor(cursor string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s.Cursor = cursor
	return nil
}

// SavePosition replaces a position.
func (m *MemoryStore) SavePosition(conversationID string, p Position) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Seq == 0 && p.Rev == 0 && len(p.Holes) == 0 {
		delete(m.s.Positions, conversationID)
	} else {
		m.s.Positions[conversationID] = p
	}
	return nil
}

// PutEntry adds an entry.
func (m *MemoryStore) PutEntry(e Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s.Outbox = append(m.s.Outbox, e)
	return nil
}

// DropEntry removes an entry.
func (m *MemoryStore) DropEntry(clientMessageID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s.Outbox = slices.DeleteFunc(m.s.Outbox, func(e Entry) bool { return e.ClientMessageID == clientMessageID })
	return nil
}
