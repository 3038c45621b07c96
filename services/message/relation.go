// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Relation says whether a pair may talk, at one version of their friendship.
type Relation struct {
	Pair    Pair
	Version int64
	Open    bool
	// At is the time of the change, ms.
	At int64
	// NewID is the id of the conversation if the pair has none yet.
	NewID ids.ConversationID
	// EventID is the id of the event if one is emitted.
	EventID ids.EventID
}

// RelationChange is what a relation does to the conversation of its pair.
type RelationChange struct {
	// Conversation is the state to store, members included.
	Conversation Conversation
	// Insert is true if the conversation is new, else Update tells whether its row changes at all.
	Insert, Update bool
	// Join is true if the members are new.
	Join bool
	// Events are to be emitted; at most one.
	Events []Event
}

// DecideRelation settles a relation on the locked conversation of the pair, nil if there is none.
//
// A version that is not newer changes nothing. A close that finds no conversation leaves one behind
// that nobody can see, without members: it only remembers the version, so that an older open which
// arrives late cannot open.
func DecideRelation(current *Conversation, r Relation) RelationChange {
	if current == nil {
		created := Conversation{ID: r.NewID, Kind: Direct, State: ReadOnly}
		change := r.apply(created)
		change.Insert, change.Update = true, false
		return change
	}
	if r.Version <= current.RelationVersion {
		return RelationChange{Conversation: *current}
	}
	return r.apply(*current)
}

func (r Relation) apply(c Conversation) RelationChange {
	change := RelationChange{Update: true}
	c.RelationVersion = r.Version
	switch opened := c.State == Open; {
	case r.Open && c.MembersRev == 0:
		c.State, c.MembersRev = Open, 1
		c.CreatedAt, c.ActiveAt = r.At, r.At
		c.Members = []Member{{UserID: r.Pair.Low, JoinedSeq: 1}, {UserID: r.Pair.High, JoinedSeq: 1}}
		change.Join = true
		change.Events = []Event{conversationEvent(ConversationCreated, r, c)}
	case r.Open && !opened:
		c.State, c.ActiveAt, c.MembersRev = Open, r.At, c.MembersRev+1
		change.Events = []Event{conversationEvent(ConversationUpdated, r, c)}
	case !r.Open && opened:
		c.State, c.MembersRev = ReadOnly, c.MembersRev+1
		change.Events = []Event{conversationEvent(ConversationUpdated, r, c)}
	}
	change.Conversation = c
	return change
}

// OpenDirect opens the one direct conversation of a pair, for the first time or again, and answers
// its id. A version that is not newer than the stored one changes nothing.
func (s *Service) OpenDirect(ctx context.Context, pair Pair, version int64) (ids.ConversationID, error) {
	return s.relate(ctx, Relation{Pair: pair, Version: version, Open: true})
}

// CloseDirect makes the direct conversation of a pair read-only. A version that is not newer than the
// stored one changes nothing; a pair without a conversation is no error.
func (s *Service) CloseDirect(ctx context.Context, pair Pair, version int64) error {
	_, err := s.relate(ctx, Relation{Pair: pair, Version: version})
	return err
}

func (s *Service) relate(ctx context.Context, r Relation) (ids.ConversationID, error) {
	r.At, r.NewID, r.EventID = s.nowMillis(), ids.NewConversation(), ids.NewEvent()
	id, events, err := s.store.Relate(ctx, r)
	if err != nil {
		return id, err
	}
	s.publisher.Publish(events...)
	return id, nil
}
