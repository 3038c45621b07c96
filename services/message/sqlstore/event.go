// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// conversationsPerStatement bounds a list of ids in one statement.
const conversationsPerStatement = 200

// LoadEvents builds events again from what the outbox kept of them. One whose rows are gone is left
// out.
func (s *Store) LoadEvents(ctx context.Context, refs []message.EventRef) ([]message.Event, error) {
	type position struct {
		conversation ids.ConversationID
		seq          int64
	}
	var (
		list      []ids.ConversationID
		stretches []message.Stretch
	)
	for _, r := range refs {
		list = append(list, r.Conversation)
		if r.Kind.OfMessage() {
			one := message.Interval{From: r.Seq, To: r.Seq}
			stretches = append(stretches, message.Stretch{Conversation: r.Conversation, Interval: one})
		}
	}
	byID, err := s.conversationsByID(ctx, list)
	if err != nil {
		return nil, err
	}
	stored, err := s.Messages(ctx, stretches)
	if err != nil {
		return nil, err
	}
	byPosition := make(map[position]message.Message, len(stored))
	for _, m := range stored {
		byPosition[position{m.Conversation, m.Seq}] = m
	}
	events := make([]message.Event, 0, len(refs))
	for _, r := range refs {
		c, known := byID[r.Conversation]
		if r.MembersRev > 0 {
			if c.Members, err = s.leftAt(ctx, r.Conversation, r.MembersRev); err != nil {
				return nil, err
			}
		}
		m, found := byPosition[position{r.Conversation, r.Seq}]
		if known && (found || !r.Kind.OfMessage()) {
			events = append(events, r.Rebuild(c, m))
		}
	}
	return events, nil
}

func (s *Store) conversationsByID(ctx context.Context, list []ids.ConversationID) (map[ids.ConversationID]message.Conversation, error) {
	slices.SortFunc(list, ids.ConversationID.Compare)
	byID := map[ids.ConversationID]message.Conversation{}
	for chunk := range slices.Chunk(slices.Compact(list), conversationsPerStatement) {
		found, err := s.conversations(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			byID[c.ID] = c
		}
	}
	return byID, nil
}
