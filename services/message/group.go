// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of groups, as promised to clients.
const (
	MinGroupMembers   = 3 // at its beginning
	MaxGroupMembers   = 10_000
	MaxGroupUsers     = 500 // of one call
	MaxNameCharacters = 64  // code points
)

// GroupDraft is a group that somebody wants.
type GroupDraft struct {
	Creator ids.UserID
	// Key was made by the creator, once for the group, and is the same on every retry.
	Key  ids.IdempotencyKey
	Name string
	// Members without the creator.
	Members []ids.UserID
}

// Created is a group that was made under a key, and the hash of what was asked for.
type Created struct {
	ID   ids.ConversationID
	Hash Hash
}

// Creation is a checked draft with what it gets if it is stored.
type Creation struct {
	GroupDraft
	Hash  Hash
	NewID ids.ConversationID
	Stamp
}

// Stamp is what the server gives to a change of a group.
type Stamp struct {
	// At is the time of the commit, ms.
	At       int64
	ID       ids.MessageID
	ClientID ids.ClientMessageID
	// MessageEvent and GroupEvent are the ids of the two events.
	MessageEvent, GroupEvent ids.EventID
}

// NewStamp makes new ids for a time.
func NewStamp(at int64) Stamp {
	return Stamp{
		At: at, ID: ids.NewMessage(), ClientID: ids.NewClientMessage(), MessageEvent: ids.NewEvent(), GroupEvent: ids.NewEvent(),
	}
}

// checked trims, drops repeats and the creator, and applies the rules that need no state.
func (d GroupDraft) checked() (GroupDraft, error) {
	var err error
	if d.Name, err = checkName(d.Name); err != nil {
		return d, err
	}
	if d.Key.IsZero() {
		return d, fault.InvalidField("idempotency_key", "uuid")
	}
	if d.Members, err = distinct("member_ids", d.Members); err != nil {
		return d, err
	}
	d.Members = slices.DeleteFunc(d.Members, func(user ids.UserID) bool { return user == d.Creator })
	if len(d.Members)+1 < MinGroupMembers {
		return d, fault.InvalidField("member_ids", "min_items")
	}
	return d, nil
}

// checkName trims a name. One without characters is allowed; controls, line breaks and what turns the
// direction of text around are not, because a name stands between the words of others.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case !utf8.ValidString(name):
		return name, fault.InvalidField("name", "utf8")
	case utf8.RuneCountInString(name) > MaxNameCharacters:
		return name, fault.InvalidField("name", "max_len")
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || turnsText(r) || r == '\u2028' || r == '\u2029'
	}):
		return name, fault.InvalidField("name", "characters")
	}
	return name, nil
}

// turnsText tells the explicit controls of the direction of text.
func turnsText(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// distinct sorts users and drops repeats.
func distinct(field string, users []ids.UserID) ([]ids.UserID, error) {
	switch {
	case len(users) == 0:
		return nil, fault.InvalidField(field, "min_items")
	case len(users) > MaxGroupUsers:
		return nil, fault.InvalidField(field, "max_items")
	case slices.ContainsFunc(users, ids.UserID.IsZero):
		return nil, fault.InvalidField(field, "uuid")
	}
	users = slices.Clone(users)
	slices.SortFunc(users, ids.UserID.Compare)
	return slices.Compact(users), nil
}

// hash of what a key stands for.
func (d GroupDraft) hash() Hash {
	h := sha256.New()
	for _, user := range d.Members {
		h.Write(user[:])
	}
	h.Write([]byte(d.Name))
	return Hash(h.Sum(nil))
}

// CreateGroup makes a group of its creator and of friends. A repeat with the same key and payload answers
// the first group, whatever happened to it since; with another payload it is ErrKeyReused.
func (s *Service) CreateGroup(ctx context.Context, d GroupDraft) (View, error) {
	d, err := d.checked()
	if err != nil {
		return View{}, err
	}
	hash := d.hash()
	made, ok, err := s.store.Created(ctx, d.Creator, d.Key)
	if err == nil && !ok {
		made, err = s.createGroup(ctx, Creation{GroupDraft: d, Hash: hash, NewID: ids.NewConversation(), Stamp: NewStamp(s.nowMillis())})
	}
	switch {
	case err != nil:
		return View{}, err
	case made.Hash != hash:
		return View{}, ErrKeyReused
	}
	return s.Conversation(ctx, d.Creator, made.ID)
}

func (s *Service) createGroup(ctx context.Context, c Creation) (Created, error) {
	if err := s.checkFriends(ctx, c.Creator, c.Members); err != nil {
		return Created{}, err
	}
	made, events, err := s.store.CreateGroup(ctx, c)
	if err != nil {
		return Created{}, err
	}
	s.publisher.Publish(events...)
	return made, nil
}

// checkFriends tells whether a user may add all of some people. The friendship counts at this moment, a
// little before the commit: who ends it a moment later has been added by a friend.
func (s *Service) checkFriends(ctx context.Context, user ids.UserID, people []ids.UserID) error {
	friends, err := s.friends.FriendsAmong(ctx, user, people)
	if err != nil {
		return unknownOutcome(err)
	}
	is := make(map[ids.UserID]bool, len(friends))
	for _, friend := range friends {
		is[friend] = true
	}
	for _, other := range people {
		if !is[other] {
			return ErrNotFriends.With("user_id", other.String())
		}
	}
	return nil
}

// GroupChange is what a store writes for a creation or an action.
type GroupChange struct {
	// Conversation as it will stand, without members.
	Conversation Conversation
	// Insert is true if the group is new.
	Insert bool
	// Joined are new intervals, and Retired the users among them who have an older one, which gets NoRole.
	Joined  []Member
	Retired []ids.UserID
	// Changed are intervals whose role or end changes.
	Changed []Member
	// Row is the system message; nil if nothing changes at all.
	Row *Row
	// Events has one of the message and one of the group, if there is a message.
	Events []Event
}

// DecideCreation makes the group of a creation.
func DecideCreation(c Creation) GroupChange {
	change := GroupChange{Insert: true}
	change.Conversation = Conversation{
		ID: c.NewID, Kind: Group, State: Open, CreatedAt: c.At, Name: c.Name, MemberCount: len(c.Members) + 1,
	}
	change.say(c.Stamp, System{Kind: GroupCreated, Actor: c.Creator, Users: c.Members, Name: c.Name}, ConversationCreated)
	change.join(RoleOwner, c.Creator)
	change.join(RoleMember, c.Members...)
	slices.SortFunc(change.Joined, func(a, b Member) int { return a.UserID.Compare(b.UserID) })
	return change
}

// join adds members who see everything from the system message on.
func (g *GroupChange) join(role Role, users ...ids.UserID) {
	for _, user := range users {
		g.Joined = append(g.Joined, Member{
			UserID: user, JoinedSeq: g.Conversation.Seq, JoinedRev: g.Conversation.MembersRev, Role: role,
		})
	}
}

// say raises seq and membership version, and adds the system message and the two events. Those who leave
// with this change hear of it too.
func (g *GroupChange) say(s Stamp, what System, kind EventKind, leaving ...ids.UserID) {
	c := &g.Conversation
	c.Members = nil
	c.Seq++
	c.MembersRev++
	c.ActiveAt = max(c.ActiveAt, s.At)
	m := Message{
		Conversation: c.ID, Seq: c.Seq, ID: s.ID, ClientID: s.ClientID, Sender: what.Actor, SentAt: s.At,
		Kind: SystemBody, Text: what.encode(),
	}
	g.Row = &Row{Message: m}
	g.Events = []Event{
		{ID: s.GroupEvent, Kind: kind, OccurredAt: s.At, Recipients: leaving, MembersRev: c.MembersRev, Conversation: *c},
		{ID: s.MessageEvent, Kind: MessageCreated, OccurredAt: s.At, Recipients: leaving, MembersRev: c.MembersRev, Message: m},
	}
}
