// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of pages of members.
const (
	MaxMembersPage     = 200
	DefaultMembersPage = 100
)

// maxTypingMembers is the largest group in which members hear who types.
const maxTypingMembers = 200

// Role is what a member may do in a group. A higher one may do all that a lower one may. The numbers
// are stored.
type Role int32

// The roles.
const (
	NoRole     Role = 0
	RoleMember Role = 1
	RoleAdmin  Role = 2 // also adds, removes and renames
	RoleOwner  Role = 3 // also gives roles and dissolves; a group has exactly one
)

// RoleOf a user who is a member of a group now; NoRole for everybody else.
func (c Conversation) RoleOf(user ids.UserID) Role {
	if m, ok := c.Membership(user); ok && !m.Left {
		return m.Role
	}
	return NoRole
}

// SeenBy is the conversation as a user sees it: for who has left a group all is as it was then, but for
// changes of messages that they may see.
func (c Conversation) SeenBy(user ids.UserID) Conversation {
	m, ok := c.Membership(user)
	if !ok || !m.Left || c.Kind != Group {
		return c
	}
	c.State, c.Seq, c.MembersRev = ReadOnly, min(c.Seq, m.LeftSeq), m.LeftRev
	c.ActiveAt, c.Name, c.MemberCount, c.Avatar = m.LeftAt, m.LeftName, 0, ids.FileID{}
	return c
}

// audience is the membership version whose members hear of what happens now; 0 in a direct conversation.
func (c Conversation) audience() int64 {
	if c.Kind == Group {
		return c.MembersRev
	}
	return 0
}

// leftAt lists who left with a membership version, in the order of ids.
func (c Conversation) leftAt(rev int64) []ids.UserID {
	var users []ids.UserID
	for _, m := range c.Members {
		if m.Left && m.LeftRev == rev {
			users = append(users, m.UserID)
		}
	}
	return users
}

// MembersQuery asks for a page of members.
type MembersQuery struct {
	Conversation ids.ConversationID
	After        ids.UserID // zero: from the start
	Limit        int
}

// MembersPage is one page of members.
type MembersPage struct {
	Members []Member
	// Conversation as it was just before the page was read.
	Conversation Conversation
	Next         string // token of the next page; empty on the last one
}

// Count is how many members there are.
func (p MembersPage) Count() int {
	if p.Conversation.Kind == Group {
		return p.Conversation.MemberCount
	}
	return len(p.Conversation.Present())
}

// ListMembers reads one page of those who are members now. ErrNotFound for who is none of them.
func (s *Service) ListMembers(ctx context.Context, user ids.UserID, id ids.ConversationID, size int, token string) (MembersPage, error) {
	scope := "members:" + user.String() + id.String()
	q := MembersQuery{Conversation: id, Limit: min(size, MaxMembersPage)}
	if q.Limit <= 0 {
		q.Limit = DefaultMembersPage
	}
	if token != "" {
		if err := s.tokens.Decode(scope, token, &q.After); err != nil {
			return MembersPage{}, err
		}
	}
	c, err := s.present(ctx, user, id)
	if err != nil {
		return MembersPage{}, err
	}
	size = q.Limit
	q.Limit++ // one more tells whether there is a next page
	page := MembersPage{Conversation: c}
	if page.Members, err = s.store.Members(ctx, q); err != nil {
		return MembersPage{}, err
	}
	if len(page.Members) > size {
		page.Members = page.Members[:size]
		page.Next, err = s.tokens.Encode(scope, page.Members[size-1].UserID)
	}
	if c.Kind == Group && c.MemberCount > MaxMarkerMembers {
		for i := range page.Members {
			page.Members[i].ReadSeq = 0
		}
	} else {
		page.Members = shownTo(user, page.Members)
	}
	return page, err
}

// present reads a conversation for somebody who is a member of it now.
func (s *Service) present(ctx context.Context, user ids.UserID, id ids.ConversationID) (Conversation, error) {
	c, err := s.conversation(ctx, user, id)
	if err != nil {
		return Conversation{}, err
	}
	if m, _ := c.Membership(user); m.Left {
		return Conversation{}, ErrNotFound
	}
	return c, nil
}

// Audience is who must hear of something in a conversation.
type Audience struct {
	Users      []ids.UserID
	MembersRev int64
	ReadOnly   bool // nobody can send now
}

// Recipients lists who is a member of a conversation now, the asking user too; of a large group only that
// user. ErrNotFound if the user is no member.
func (s *Service) Recipients(ctx context.Context, user ids.UserID, id ids.ConversationID) (Audience, error) {
	c, err := s.present(ctx, user, id)
	if err != nil {
		return Audience{}, err
	}
	a := Audience{MembersRev: c.MembersRev, ReadOnly: c.State != Open}
	switch {
	case c.Kind != Group:
		a.Users = c.Present()
	case c.MemberCount > maxTypingMembers:
		a.Users = []ids.UserID{user}
	default:
		a.Users, err = s.store.Audience(ctx, AudienceQuery{Conversation: id, MembersRev: c.MembersRev})
	}
	return a, err
}

// AudienceQuery asks who was a member of a group at a membership version.
type AudienceQuery struct {
	Conversation ids.ConversationID
	MembersRev   int64
	Seq          int64 // only who may see this position; 0: all
}

// MembersAt lists who was a member of a group at a membership version.
func (s *Service) MembersAt(ctx context.Context, q AudienceQuery) (Audience, error) {
	users, err := s.store.Audience(ctx, q)
	return Audience{Users: users, MembersRev: q.MembersRev}, err
}

// CheckCompanions picks those of some people who are in a group with a user now, each once.
func (s *Service) CheckCompanions(ctx context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	return s.store.CompanionsAmong(ctx, user, people)
}
