// SPDX-License-Identifier: Apache-2.0

package message

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// MaxMentions bounds how many people one text may mention; chosen, no evidence. More are a whole group.
const MaxMentions = 50

// How a text mentions somebody: <@ and the id of a user, or all, and >. Clients write it when a person
// picks a name after @ or ＠, and show the name instead.
const (
	mentionStart = "<@"
	mentionEnd   = ">"
	mentionAll   = "all"
)

// Users is a set of users in the order of ids. It can be compared.
type Users string

// UsersOf makes a set.
func UsersOf(list []ids.UserID) Users {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, ids.UserID.Compare)
	var b strings.Builder
	for _, user := range slices.Compact(sorted) {
		b.Write(user[:])
	}
	return Users(b.String())
}

// List the users.
func (u Users) List() []ids.UserID {
	list := make([]ids.UserID, len(u)/len(ids.UserID{}))
	for i := range list {
		copy(list[i][:], u[i*len(list[i]):])
	}
	return list
}

// Mentions are those whom a message mentions.
type Mentions struct {
	Users Users
	All   bool // the whole group
}

// EveryMember stands for the whole group where mentions are kept by user; it is nobody's id.
func EveryMember() (id ids.UserID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}

// NamedIn lists the users whose ids a text mentions, in the order of ids, and tells whether it mentions
// all. Whether they are members is for DecideMentions to say.
func NamedIn(text string) (users []ids.UserID, all bool) {
	for {
		_, rest, found := strings.Cut(text, mentionStart)
		if !found {
			break
		}
		text = rest
		switch name, _ := mentioned(rest); name {
		case "":
		case mentionAll:
			all = true
		default:
			if user, err := ids.ParseUser("", name); err == nil && user != EveryMember() {
				users = append(users, user)
			}
		}
	}
	return UsersOf(users).List(), all
}

// userBytes is the length of the id of a user as text.
const userBytes = 36

// mentioned is the name at the beginning of what follows a mentionStart, and what follows the name; empty if
// it can be none. No more is looked at than an id is long, so that a text costs no more than its length.
func mentioned(rest string) (name, after string) {
	end := strings.Index(rest[:min(len(rest), userBytes+len(mentionEnd))], mentionEnd)
	if end != userBytes && end != len(mentionAll) {
		return "", ""
	}
	return rest[:end], rest[end+len(mentionEnd):]
}

// checkMentions bounds them; what is no id is text like any other.
func checkMentions(field, text string) error {
	if users, _ := NamedIn(text); len(users) > MaxMentions {
		return fault.InvalidField(field, "max_mentions")
	}
	return nil
}

// DecideMentions picks those whom a text of a sender mentions. Only members hear of it, and only who
// manages a group may mention all of it; where two people talk there is no group to mention.
func DecideMentions(c Conversation, sender ids.UserID, text string) (Mentions, error) {
	named, all := NamedIn(text)
	if all = all && c.Kind != Direct; all && !c.Manages(sender) {
		return Mentions{}, ErrForbidden
	}
	named = slices.DeleteFunc(named, func(user ids.UserID) bool {
		m, ok := c.Membership(user)
		return !ok || m.Left
	})
	return Mentions{Users: UsersOf(named), All: all}, nil
}

// Called lists for whom mentions of a message are counted: never for the sender.
func (m Message) Called() []ids.UserID {
	called := slices.DeleteFunc(m.Mentions.Users.List(), func(user ids.UserID) bool { return user == m.Sender })
	if m.Mentions.All {
		called = append(called, EveryMember())
	}
	return called
}

// dropped lists whom a message mentioned before a change and does not any more.
func dropped(before, after Message) []ids.UserID {
	kept := after.Called()
	return slices.DeleteFunc(before.Called(), func(user ids.UserID) bool { return slices.Contains(kept, user) })
}
