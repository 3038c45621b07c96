// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Messages is gateway.Messages: heads per user that a test moves, and a log of what was asked. A cursor
// is the number of moves so far.
type Messages struct {
	mu      sync.Mutex // guards everything below
	moves   map[ids.UserID][]gateway.Head
	members map[ids.ConversationID][]ids.UserID
	closed  map[ids.ConversationID]bool
	seqs    map[ids.ConversationID]int64
	reads   []string
	calls   int // of SyncAll
	fail    error
	slow    time.Duration
	held    []func() // sends that wait for Release
	hold    bool
}

// NewMessages is empty.
func NewMessages() *Messages {
	return &Messages{
		moves: map[ids.UserID][]gateway.Head{}, members: map[ids.ConversationID][]ids.UserID{},
		seqs: map[ids.ConversationID]int64{}, closed: map[ids.ConversationID]bool{},
	}
}

// Move says that a head of a user has moved.
func (f *Messages) Move(user ids.UserID, head gateway.Head) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moves[user] = append(f.moves[user], head)
}

// SetMembers says who is in a conversation.
func (f *Messages) SetMembers(conversation ids.ConversationID, users ...ids.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[conversation] = users
}

// Close makes a conversation read-only.
func (f *Messages) Close(conversation ids.ConversationID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed[conversation] = true
}

// Fail makes every call answer an error; nil ends that.
func (f *Messages) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// Hold keeps the answers of sends back until Release.
func (f *Messages) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = true
}

// Release answers the sends that were held back.
func (f *Messages) Release() {
	f.mu.Lock()
	held := f.held
	f.held, f.hold = nil, false
	f.mu.Unlock()
	for _, answer := range held {
		answer()
	}
}

// Reads lists the markers that were moved, as "user conversation seq".
func (f *Messages) Reads() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reads)
}

// Comparisons counts the calls of SyncAll.
func (f *Messages) Comparisons() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Send gives the next seq of the conversation.
func (f *Messages) Send(o gateway.Outgoing, done func(gateway.Sent, error)) {
	f.mu.Lock()
	if f.fail != nil {
		err := f.fail
		f.mu.Unlock()
		done(gateway.Sent{}, err)
		return
	}
	f.seqs[o.Conversation]++
	sent := gateway.Sent{Conversation: o.Conversation, Message: ids.NewMessage(), Seq: f.seqs[o.Conversation], SentAt: 1}
	if f.hold {
		f.held = append(f.held, func() { done(sent, nil) })
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	done(sent, nil)
}

// SetSlow makes the answers of Sync travel for a while.
func (f *Messages) SetSlow(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = d
}

// Sync answers the moves after the cursor.
func (f *Messages) Sync(ctx context.Context, q gateway.Question) (gateway.Heads, error) {
	f.mu.Lock()
	answer, err, slow := f.answer(q), f.fail, f.slow
	f.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return gateway.Heads{}, ctx.Err()
	}
	if err != nil {
		return gateway.Heads{}, err
	}
	return answer, nil
}

func (f *Messages) answer(q gateway.Question) gateway.Heads {
	moves := f.moves[q.User]
	cursor := strconv.Itoa(len(moves))
	if q.Cursor == "" {
		return gateway.Heads{Reset: true, Complete: true, Cursor: cursor}
	}
	from, err := strconv.Atoi(q.Cursor)
	if err != nil || from > len(moves) {
		return gateway.Heads{Reset: true, Complete: true, Cursor: cursor}
	}
	return gateway.Heads{Complete: true, Heads: slices.Clone(moves[from:]), Cursor: cursor}
}

// SyncAll answers many questions.
func (f *Messages) SyncAll(_ context.Context, qs []gateway.Question) ([]gateway.Heads, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.fail != nil {
		return nil, f.fail
	}
	answers := make([]gateway.Heads, 0, len(qs))
	for _, q := range qs {
		answers = append(answers, f.answer(q))
	}
	return answers, nil
}

// MarkRead logs the marker.
func (f *Messages) MarkRead(_ context.Context, r gateway.Reading) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	line := fmt.Sprintf("%s %s %d", r.Login.User, r.Conversation, r.Seq)
	if r.Hidden {
		line += " hidden"
	}
	f.reads = append(f.reads, line)
	return nil
}

// Recipients answers SetMembers.
func (f *Messages) Recipients(
	_ context.Context, conversation ids.ConversationID, user ids.UserID,
) (gateway.Recipients, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.members[conversation], user) {
		return gateway.Recipients{}, fault.New(fault.NotFound, "NOT_FOUND", "not found")
	}
	return gateway.Recipients{Users: slices.Clone(f.members[conversation]), ReadOnly: f.closed[conversation]}, nil
}
