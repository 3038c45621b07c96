// SPDX-License-Identifier: Apache-2.0

package message

import (
	"cmp"
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
)

// Options are what a Service needs; all but Lanes, Index and Files must be set.
type Options struct {
	Store     Store
	Publisher Publisher
	Friends   Friends
	// Index finds messages by their text; nil: Search is not available.
	Index Finder
	// Files is the file service; nil: no message can show a file.
	Files Files
	// Transcripts is true where something reads voice messages.
	Transcripts bool
	// Tokens makes page tokens and cursors; all pods need the same key.
	Tokens page.Codec
	Now    func() time.Time
	// Lanes is the number of writers; 0 means DefaultLanes.
	Lanes int
	// RecallWindow and EditWindow are how long senders may change what they said; 0 means
	// DefaultRecallWindow and DefaultEditWindow.
	RecallWindow time.Duration
	EditWindow   time.Duration
}

// Service is the message service without its doors. Its methods may be called from many goroutines;
// sends are stored while Run runs.
type Service struct {
	store     Store
	publisher Publisher
	friends   Friends
	index     Finder
	citing    citing
	tokens    page.Codec
	now       func() time.Time
	lanes     []*lane
	stopped   chan struct{} // closed when no lane runs any more
	denied    denials

	recallWindow, editWindow time.Duration
	transcripts              bool
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{store: o.Store, publisher: o.Publisher, tokens: o.Tokens, now: o.Now, stopped: make(chan struct{})}
	s.recallWindow, s.editWindow = cmp.Or(o.RecallWindow, DefaultRecallWindow), cmp.Or(o.EditWindow, DefaultEditWindow)
	s.friends, s.index, s.transcripts = o.Friends, o.Index, o.Transcripts
	s.citing.files, s.citing.now = o.Files, o.Now
	if o.Lanes <= 0 {
		o.Lanes = DefaultLanes
	}
	for range o.Lanes {
		s.lanes = append(s.lanes, newLane())
	}
	return s
}

// conversation reads a conversation for somebody who is or was a member of it, as they see it.
func (s *Service) conversation(ctx context.Context, user ids.UserID, id ids.ConversationID) (Conversation, error) {
	c, err := s.store.Conversation(ctx, id, user)
	if err != nil {
		return Conversation{}, err
	}
	if _, ok := c.Membership(user); !ok {
		return Conversation{}, ErrNotFound
	}
	return c.SeenBy(user), nil
}

func (s *Service) nowMillis() int64 { return s.now().UnixMilli() }
