// SPDX-License-Identifier: Apache-2.0

// Package messageindex offers messages to the index of texts.
package messageindex

import (
	"context"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/message"
)

// Queue is the durable queue of what happens to messages.
const Queue = "message.search"

// Store is what of a message.Store is read.
type Store interface {
	// Messages is message.Reader.Messages.
	Messages(ctx context.Context, stretches []message.Stretch) ([]message.Message, error)
	// Scan is message.Searches.Scan.
	Scan(ctx context.Context, after message.Place, limit int) ([]message.Message, error)
}

// Source implements indexer.Source.
type Source struct{ Store Store }

// Queue implements indexer.Source.
func (Source) Queue() string { return Queue }

// RoutingKeys implements indexer.Source.
func (Source) RoutingKeys() []string {
	return []string{"message.created", "message.edited", "message.recalled", "message.transcribed"}
}

// Decode reads where a batch of events says to look.
func (Source) Decode(body []byte) ([]indexer.Change, error) {
	var batch eventv1.EventBatch
	if err := proto.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	changes := make([]indexer.Change, 0, len(batch.GetEvents()))
	for _, e := range batch.GetEvents() {
		id, err := ids.ParseConversation("conversation_id", e.GetMessage().GetConversationId())
		if err != nil {
			return nil, err
		}
		changes = append(changes, indexer.Change{ID: message.PlaceID(id, e.GetMessage().GetSeq()), At: e.GetOccurredAt()})
	}
	return changes, nil
}

// Documents implements indexer.Source.
func (s Source) Documents(ctx context.Context, places []string) ([]searchindex.Document, error) {
	stretches := make([]message.Stretch, 0, len(places))
	for _, text := range places {
		if at, ok := message.ParsePlace(text); ok {
			stretches = append(stretches, message.Stretch{Conversation: at.Conversation, Interval: message.Interval{From: at.Seq, To: at.Seq}})
		}
	}
	messages, err := s.Store.Messages(ctx, stretches)
	return documents(messages), err
}

// Scan implements indexer.Scanner.
func (s Source) Scan(ctx context.Context, after string, limit int) ([]searchindex.Document, error) {
	place, _ := message.ParsePlace(after) // before the first, where it is none
	messages, err := s.Store.Scan(ctx, place, limit)
	return documents(messages), err
}

func documents(messages []message.Message) []searchindex.Document {
	list := make([]searchindex.Document, len(messages))
	for i, m := range messages {
		list[i] = m.Document()
	}
	return list
}
