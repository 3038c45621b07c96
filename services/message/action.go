// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Action is what somebody wants to do to a group.
type Action struct {
	Conversation ids.ConversationID
	Actor        ids.UserID
	// Kind is what will have happened; every kind but GroupCreated is an action.
	Kind SystemKind
	// Users are whom it concerns: any number to add, one to remove or to give a role.
	Users []ids.UserID
	Name  string
	Role  Role
	// Avatar is a picture that was cited for the group; zero for none.
	Avatar ids.FileID
	Stamp
}

// People lists whose intervals DecideAction needs.
func (a Action) People() []ids.UserID { return append([]ids.UserID{a.Actor}, a.Users...) }

// DecideAction settles an action on the locked group. It answers a change without a message where all is
// as wanted already, so that every action may be repeated.
func DecideAction(c Conversation, a Action) (GroupChange, error) {
	actor, ok := c.Membership(a.Actor)
	switch {
	case ok && actor.Left && a.Kind == UserLeft:
		return GroupChange{Conversation: c}, nil
	case !ok || actor.Left:
		return GroupChange{}, ErrNotFound
	case c.Kind != Group:
		return GroupChange{}, ErrNotGroup
	case actor.Role < a.needs():
		return GroupChange{}, ErrForbidden
	case c.State != Open && a.Kind == GroupDissolved:
		return GroupChange{Conversation: c}, nil
	case c.State != Open:
		return GroupChange{}, ErrReadOnly
	}
	g := GroupChange{Conversation: c}
	var err error
	switch a.Kind {
	case UsersJoined:
		err = g.add(c, a)
	case UserLeft:
		err = g.leave(actor, a)
	case UserRemoved:
		err = g.remove(c, actor, a)
	case GroupRenamed:
		g.rename(a)
	case AvatarChanged:
		g.setAvatar(a)
	case RoleChanged:
		err = g.giveRole(c, actor, a)
	case GroupDissolved:
		g.Conversation.State = ReadOnly
		g.say(a.Stamp, System{Kind: a.Kind, Actor: a.Actor}, ConversationUpdated)
	default:
		err = fault.ErrInvalid
	}
	return g, err
}

// needs is the lowest role that may do it.
func (a Action) needs() Role {
	switch a.Kind {
	case UsersJoined, UserRemoved, GroupRenamed, AvatarChanged:
		return RoleAdmin
	case RoleChanged, GroupDissolved:
		return RoleOwner
	default:
		return RoleMember
	}
}

func (g *GroupChange) add(c Conversation, a Action) error {
	var fresh []ids.UserID
	for _, user := range a.Users {
		m, ok := c.Membership(user)
		if ok && !m.Left {
			continue
		}
		fresh = append(fresh, user)
		if ok {
			g.Retired = append(g.Retired, user)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if g.Conversation.MemberCount += len(fresh); g.Conversation.MemberCount > MaxGroupMembers {
		return ErrGroupFull
	}
	g.say(a.Stamp, System{Kind: a.Kind, Actor: a.Actor, Users: fresh}, ConversationUpdated)
	g.join(RoleMember, fresh...)
	for i, joined := range g.Joined {
		before, _ := c.Membership(joined.UserID)
		g.Joined[i].HiddenRev = before.HiddenRev
	}
	return nil
}

func (g *GroupChange) leave(actor Member, a Action) error {
	if actor.Role == RoleOwner {
		return ErrOwnerMustHandOver
	}
	g.part(actor, a, System{Kind: a.Kind, Actor: a.Actor})
	return nil
}

func (g *GroupChange) remove(c Conversation, actor Member, a Action) error {
	target, ok := c.Membership(a.Users[0])
	switch {
	case target.UserID == actor.UserID:
		return fault.InvalidField("user_id", "self") // leaving is another action
	case !ok || target.Left:
		return nil
	case target.Role == RoleOwner:
		return ErrForbidden
	}
	g.part(target, a, System{Kind: a.Kind, Actor: a.Actor, Users: a.Users})
	return nil
}

// part ends an interval with the system message that says so, which is the last thing to be seen.
func (g *GroupChange) part(m Member, a Action, what System) {
	g.Conversation.MemberCount--
	g.say(a.Stamp, what, ConversationUpdated, m.UserID)
	c := g.Conversation
	m.Left, m.LeftSeq, m.LeftRev, m.LeftAt, m.LeftName = true, c.Seq, c.MembersRev, c.ActiveAt, c.Name
	g.Changed = append(g.Changed, m)
}

func (g *GroupChange) rename(a Action) {
	if g.Conversation.Name == a.Name {
		return
	}
	g.Conversation.Name = a.Name
	g.say(a.Stamp, System{Kind: a.Kind, Actor: a.Actor, Name: a.Name}, ConversationUpdated)
}

// giveRole changes one role; where that is the owner's, the owner becomes an admin in the same commit.
func (g *GroupChange) giveRole(c Conversation, owner Member, a Action) error {
	target, ok := c.Membership(a.Users[0])
	switch {
	case !ok || target.Left:
		return ErrNotFound
	case target.Role == a.Role:
		return nil
	case target.UserID == owner.UserID:
		return ErrOwnerMustHandOver
	}
	if a.Role == RoleOwner {
		owner.Role = RoleAdmin
		g.Changed = append(g.Changed, owner)
	}
	target.Role = a.Role
	g.Changed = append(g.Changed, target)
	g.say(a.Stamp, System{Kind: a.Kind, Actor: a.Actor, Users: a.Users, Role: a.Role}, ConversationUpdated)
	return nil
}

// AddMembers adds friends of the actor to a group. Who is a member already stays one.
func (s *Service) AddMembers(ctx context.Context, actor ids.UserID, id ids.ConversationID, users []ids.UserID) (View, error) {
	users, err := distinct("user_ids", users)
	if err != nil {
		return View{}, err
	}
	a := Action{Conversation: id, Actor: actor, Kind: UsersJoined, Users: users}
	// Who may not add learns nothing about friendships.
	if _, err := s.mayAct(ctx, a); err != nil {
		return View{}, err
	}
	if err := s.checkFriends(ctx, actor, users); err != nil {
		return View{}, err
	}
	return s.act(ctx, a)
}

// RemoveMember takes somebody out of a group; who is none of its members stays none.
func (s *Service) RemoveMember(ctx context.Context, actor ids.UserID, id ids.ConversationID, user ids.UserID) (View, error) {
	return s.act(ctx, Action{Conversation: id, Actor: actor, Kind: UserRemoved, Users: []ids.UserID{user}})
}

// LeaveGroup ends the membership of the actor; the past stays readable.
func (s *Service) LeaveGroup(ctx context.Context, actor ids.UserID, id ids.ConversationID) (View, error) {
	return s.act(ctx, Action{Conversation: id, Actor: actor, Kind: UserLeft})
}

// DissolveGroup makes a group read-only for ever.
func (s *Service) DissolveGroup(ctx context.Context, actor ids.UserID, id ids.ConversationID) (View, error) {
	return s.act(ctx, Action{Conversation: id, Actor: actor, Kind: GroupDissolved})
}

// RenameGroup gives a group another name.
func (s *Service) RenameGroup(ctx context.Context, actor ids.UserID, id ids.ConversationID, name string) (View, error) {
	name, err := checkName(name)
	if err != nil {
		return View{}, err
	}
	return s.act(ctx, Action{Conversation: id, Actor: actor, Kind: GroupRenamed, Name: name})
}

// SetMemberRole gives a member a role. RoleOwner hands the group over.
func (s *Service) SetMemberRole(ctx context.Context, actor ids.UserID, id ids.ConversationID, user ids.UserID, role Role) (View, error) {
	if role < RoleMember || role > RoleOwner {
		return View{}, fault.InvalidField("role", "enum")
	}
	return s.act(ctx, Action{Conversation: id, Actor: actor, Kind: RoleChanged, Users: []ids.UserID{user}, Role: role})
}

// mayAct refuses early what the actor may not do, and answers the group; only the transaction decides.
func (s *Service) mayAct(ctx context.Context, a Action) (Conversation, error) {
	c, err := s.present(ctx, a.Actor, a.Conversation)
	switch {
	case err != nil:
		return c, err
	case c.Kind != Group:
		return c, ErrNotGroup
	case c.RoleOf(a.Actor) < a.needs():
		return c, ErrForbidden
	}
	return c, nil
}

// act commits an action and answers the group as the actor sees it then.
func (s *Service) act(ctx context.Context, a Action) (View, error) {
	a.Stamp = NewStamp(s.nowMillis())
	events, err := s.store.ChangeGroup(ctx, a)
	if err != nil {
		return View{}, err
	}
	s.publisher.Publish(events...)
	return s.Conversation(ctx, a.Actor, a.Conversation)
}
