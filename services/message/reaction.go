// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"encoding/json"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of reactions.
const (
	MaxReactions = 20 // different emoji of one message
	// MaxReactors is how many people one emoji names; counts go on. Chosen: a message stays below 64 KiB.
	MaxReactors   = 50
	maxEmojiBytes = 64
)

// Reaction is one emoji of a message.
type Reaction struct {
	Emoji string `json:"e"`
	Count int32  `json:"n"`
	// Users are the first of those who gave it, 16 bytes each.
	Users []byte `json:"u"`
}

// Reactions are those of one message in an encoded form, which can be compared and is stored.
type Reactions string

// List the reactions, in the order of their first.
func (r Reactions) List() []Reaction {
	var list []Reaction
	if json.Unmarshal([]byte(r), &list) != nil {
		return nil // none, or what nobody can read
	}
	return list
}

func reactionsOf(list []Reaction) Reactions {
	if len(list) == 0 {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings, numbers and bytes always have a form
	}
	return Reactions(text)
}

// UserIDs of who is named, in the order of their reactions.
func (r Reaction) UserIDs() []ids.UserID { return Users(r.Users).List() }

// with adds a reaction; false if there are too many emoji.
func (r Reactions) with(emoji string, user ids.UserID) (Reactions, bool) {
	list := r.List()
	at := slices.IndexFunc(list, func(one Reaction) bool { return one.Emoji == emoji })
	if at < 0 {
		if len(list) >= MaxReactions {
			return r, false
		}
		at, list = len(list), append(list, Reaction{Emoji: emoji})
	}
	one := &list[at]
	if one.Count++; len(one.Users) < MaxReactors*len(user) {
		one.Users = append(one.Users, user[:]...)
	}
	return reactionsOf(list), true
}

// without removes a reaction that is there.
func (r Reactions) without(emoji string, user ids.UserID) Reactions {
	list := r.List()
	for i := range list {
		if list[i].Emoji == emoji {
			list[i].Count--
			named := slices.DeleteFunc(list[i].UserIDs(), func(one ids.UserID) bool { return one == user })
			list[i].Users = nil
			for _, one := range named {
				list[i].Users = append(list[i].Users, one[:]...)
			}
		}
	}
	return reactionsOf(slices.DeleteFunc(list, func(one Reaction) bool { return one.Count <= 0 }))
}

// checkEmoji keeps words and what cannot be seen out of reactions.
func checkEmoji(emoji string) error {
	if emoji == "" || len(emoji) > maxEmojiBytes || !utf8.ValidString(emoji) {
		return fault.InvalidField("emoji", "max_bytes")
	}
	symbol := false
	for _, r := range emoji {
		if unicode.IsLetter(r) || unicode.IsSpace(r) || unicode.IsControl(r) || turnsText(r) {
			return fault.InvalidField("emoji", "emoji")
		}
		symbol = symbol || (r >= 0x203c || r == 0xa9 || r == 0xae) && !unicode.In(r, unicode.Cf, unicode.Mn) // the first symbols that are emoji
	}
	if !symbol {
		return fault.InvalidField("emoji", "emoji")
	}
	return nil
}

// react settles a reaction; Reacted tells whether the user gave it already.
func (ch Change) react(c Conversation, m Message) (ChangePlan, error) {
	changed := m
	switch {
	case m.Kind == RecalledBody:
		return ChangePlan{}, ErrRecalled
	case !m.Kind.said():
		return ChangePlan{}, ErrForbidden
	case ch.Reacted != ch.Remove:
		return ChangePlan{Message: m}, nil
	case c.State != Open:
		return ChangePlan{}, ErrReadOnly
	case ch.Remove:
		changed.Reactions = m.Reactions.without(ch.Emoji, ch.By)
	default:
		var ok bool
		if changed.Reactions, ok = m.Reactions.with(ch.Emoji, ch.By); !ok {
			return ChangePlan{}, ErrTooManyReactions
		}
	}
	return ch.plan(c, m, changed, MessageReacted), nil
}

// Given is a reaction that a user gives or takes away.
type Given struct {
	User         ids.UserID
	Conversation ids.ConversationID
	Seq          int64
	Emoji        string
	Remove       bool
}

// React adds or removes a reaction and answers the message. What is so already changes nothing.
func (s *Service) React(ctx context.Context, g Given) (Message, error) {
	if err := checkEmoji(g.Emoji); err != nil {
		return Message{}, err
	}
	return s.change(ctx, Change{
		Conversation: g.Conversation, Seq: g.Seq, By: g.User, Kind: Reacting, Emoji: g.Emoji, Remove: g.Remove,
	})
}
