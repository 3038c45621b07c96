// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Source names the message that is forwarded; zero for none.
type Source struct {
	Conversation ids.ConversationID
	Seq          int64
}

// IsZero tells that nothing is forwarded.
func (s Source) IsZero() bool { return s == Source{} }

// Forward tells where the text of a message was copied from.
type Forward struct {
	Source Source
	Sender ids.UserID
	SentAt int64 // ms
	// Hidden is true where the reader may know only that the text was copied.
	Hidden bool
}

// Original is what a batch finds where a message is to be forwarded from: the conversation as far as the
// sender needs it, and the message.
type Original struct {
	Conversation Conversation
	Message      Message
}

// copied is the text of a draft's source, with where it comes from. A sender copies what they can read;
// the copy is made at the commit, so that nothing recalled before is sent on.
func (b *settlement) copied(d Draft) (string, Forward, error) {
	o, ok := b.facts.Originals[d.Forward]
	switch {
	case !ok || !o.Conversation.Sees(d.Sender, d.Forward.Seq):
		return "", Forward{}, ErrNotFound
	case o.Message.Kind != Text:
		return "", Forward{}, ErrForbidden
	}
	return o.Message.Text, Forward{Source: d.Forward, Sender: o.Message.Sender, SentAt: o.Message.SentAt}, nil
}

// hide leaves out where texts were copied from, but for who may see it there: one read for each
// conversation that a page names.
func (s *Service) hide(ctx context.Context, reader ids.UserID, items []Message) error {
	sources := map[ids.ConversationID]Conversation{}
	for i := range items {
		from := items[i].Forward.Source
		if from.IsZero() {
			continue
		}
		c, known := sources[from.Conversation]
		if !known {
			var err error
			if c, err = s.store.Conversation(ctx, from.Conversation, reader); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			sources[from.Conversation] = c
		}
		if !c.Sees(reader, from.Seq) {
			items[i].Forward.leaveOutSource()
		}
	}
	return nil
}

// leaveOutSource keeps only that the text was copied, if it was.
func (f *Forward) leaveOutSource() {
	if !f.Source.IsZero() {
		*f = Forward{Hidden: true}
	}
}

// show fills and hides what differs by reader.
func (s *Service) show(ctx context.Context, c Conversation, reader ids.UserID, items []Message) error {
	if err := s.quote(ctx, c, reader, items); err != nil {
		return err
	}
	return s.hide(ctx, reader, items)
}
