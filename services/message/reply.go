// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// previewCharacters is how much of a message an answer to it shows, in code points.
const previewCharacters = 140

// Reply points to the message that another one answers. Only Seq is stored; the rest is filled for who
// reads, from the message as it is then, and stays empty for who cannot see it.
type Reply struct {
	Seq      int64
	Sender   ids.UserID
	Kind     BodyKind // 0 if it was recalled or the server said it
	Preview  string
	Recalled bool
	Edited   bool
}

// quote fills what answers to other messages show, as far as the reader can see those. It is one read
// for a page, and none for a page without answers.
func (s *Service) quote(ctx context.Context, c Conversation, reader ids.UserID, items []Message) error {
	found := map[int64]Message{}
	var missing []Interval
	for _, m := range items {
		found[m.Seq] = m
	}
	for _, m := range items {
		seq := m.ReplyTo.Seq
		if _, known := found[seq]; seq == 0 || known || !c.Sees(reader, seq) {
			continue
		}
		found[seq] = Message{}
		missing = append(missing, Interval{From: seq, To: seq})
	}
	if err := s.readOriginals(ctx, c, reader, missing, found); err != nil {
		return err
	}
	for i := range items {
		if original := found[items[i].ReplyTo.Seq]; original.Seq > 0 {
			items[i].ReplyTo = quoteOf(original)
		}
	}
	return nil
}

// readOriginals adds messages that the reader did not hide.
func (s *Service) readOriginals(
	ctx context.Context, c Conversation, reader ids.UserID, missing []Interval, found map[int64]Message,
) error {
	hidden, err := s.hiddenIn(ctx, c, reader, missing...)
	if err != nil {
		return err
	}
	var wanted []Stretch
	for _, one := range missing {
		if !hidden[one.From] {
			wanted = append(wanted, Stretch{Conversation: c.ID, Interval: one})
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	originals, err := s.store.Messages(ctx, wanted)
	for _, m := range originals {
		found[m.Seq] = m
	}
	return err
}

func quoteOf(m Message) Reply {
	r := Reply{Seq: m.Seq, Sender: m.Sender, Recalled: m.Kind == RecalledBody, Edited: m.EditedAt > 0}
	if m.Kind.said() {
		r.Kind, r.Preview = m.Kind, cutText(m.preview(), previewCharacters)
	}
	return r
}

// preview is what stands for a message in one line.
func (m Message) preview() string {
	switch m.Kind {
	case Image:
		return m.Media.Alt
	case File:
		return m.Media.Name
	case Voice:
		return m.Media.Transcript.Text
	case Text, SystemBody, RecalledBody:
	}
	return m.Text
}

// cutText is the beginning of a text.
func cutText(text string, characters int) string {
	for i := range text {
		if characters--; characters < 0 {
			return text[:i]
		}
	}
	return text
}
