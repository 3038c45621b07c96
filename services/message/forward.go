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

// Forward tells where the content of a message was copied from.
type Forward struct {
	Source Source
	Sender ids.UserID
	SentAt int64 // ms
	// Hidden is true where the reader may know only that it was copied.
	Hidden bool
}

// Original is what a batch finds where a message is to be forwarded from: the conversation as far as the
// sender needs it, and the message.
type Original struct {
	Conversation Conversation
	Message      Message
}

// copyInto gives a message the content of a draft's source, with where it comes from. A sender copies what
// they can read; the copy is made at the commit, so that nothing recalled before is sent on. A file must have
// been cited for the new message too.
func (b *settlement) copyInto(m *Message, p Pending) error {
	o, ok := b.facts.Originals[p.Forward]
	of := o.Message
	switch {
	case !ok || !o.Conversation.Sees(p.Sender, p.Forward.Seq):
		return ErrNotFound
	case !of.Kind.said():
		return ErrForbidden
	case of.Kind.HasFile() && p.Refused != nil:
		return p.Refused
	case of.Kind.HasFile() && p.Cited.ID != of.Media.File:
		return ErrFilesUnavailable // it could not be read before the commit
	}
	m.Kind, m.Text, m.Media = of.Kind, of.Text, of.Media
	if m.Media.Transcript.State != TranscriptDone && m.Media.Transcript.State != TranscriptUnsupported {
		m.Media.Transcript = Transcript{} // another request, if any
	}
	m.Forward = Forward{Source: p.Forward, Sender: of.Sender, SentAt: of.SentAt}
	return nil
}

// hide leaves out where messages were copied from, but for who may see it there: one read for each
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

// leaveOutSource keeps only that a message was copied, if it was.
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
