// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// View is a conversation as one user sees it.
type View struct {
	Conversation Conversation
	Head         Head
	Last         *Message // nil without a visible message
	Role         Role     // of the user in a group
}

// ListQuery asks for a page of a user's conversations.
type ListQuery struct {
	User  ids.UserID
	Left  bool   // groups that the user has left too
	Size  int    // up to MaxPageItems; 0: DefaultPageItems
	Token string // from the last page; empty: the first page
}

// List is a page of conversations, newest activity first.
type List struct {
	Views []View
	Next  string // token of the next page; empty on the last one
	// Cursor for Sync announces what moves from this page on; only on the first page.
	Cursor string
}

// ListConversations reads one page. fault.ErrPageToken for a token that is not the user's.
func (s *Service) ListConversations(ctx context.Context, q ListQuery) (List, error) {
	var list List
	page := PageQuery{User: q.User, Left: q.Left, Limit: min(q.Size, MaxPageItems)}
	if page.Limit <= 0 {
		page.Limit = DefaultPageItems
	}
	if q.Token != "" {
		page.Before = new(Position)
		if err := s.tokens.Decode(listScope(q.User), q.Token, page.Before); err != nil {
			return List{}, err
		}
	} else if err := s.fresh(q.User, &list.Cursor); err != nil {
		// The cursor is taken before the list is read: what moves meanwhile is announced again.
		return List{}, err
	}
	size := page.Limit
	page.Limit++ // one more tells whether there is a next page
	conversations, err := s.store.Conversations(ctx, page)
	if err != nil {
		return List{}, err
	}
	views, err := s.views(ctx, q.User, conversations[:min(len(conversations), size)])
	if err != nil {
		return List{}, err
	}
	list.Views = fitting(views)
	if len(list.Views) < len(conversations) {
		last := list.Views[len(list.Views)-1].Conversation
		list.Next, err = s.tokens.Encode(listScope(q.User), Position{ActiveAt: last.ActiveAt, ID: last.ID})
	}
	return list, err
}

// fitting cuts a page to MaxPageBytes; one conversation always stays.
func fitting(views []View) []View {
	left := MaxPageBytes
	for i, v := range views {
		left -= 2 * itemBytes
		if v.Last != nil {
			left -= v.Last.weight()
		}
		if left < 0 && i > 0 {
			return views[:i]
		}
	}
	return views
}

// Conversation reads one conversation of a user; ErrNotFound if it is unknown or foreign.
func (s *Service) Conversation(ctx context.Context, user ids.UserID, id ids.ConversationID) (View, error) {
	c, err := s.conversation(ctx, user, id)
	if err != nil {
		return View{}, err
	}
	views, err := s.views(ctx, user, []Conversation{c})
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}

// views adds what the user sees last, all in one read.
func (s *Service) views(ctx context.Context, user ids.UserID, conversations []Conversation) ([]View, error) {
	heads, err := s.heads(ctx, user, conversations...)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(conversations))
	for i, c := range conversations {
		c.Members = shownTo(user, c.Members)
		views[i] = View{Conversation: c, Head: heads[i], Role: c.RoleOf(user)}
	}
	last, err := s.lastShown(ctx, user, conversations)
	if err != nil || len(last) == 0 {
		return views, err
	}
	messages, err := s.store.Messages(ctx, last)
	if err != nil {
		return nil, err
	}
	found := make(map[ids.ConversationID]*Message, len(messages))
	for i := range messages {
		messages[i].Forward.leaveOutSource() // a line of a list is not worth a look at who may see it
		found[messages[i].Conversation] = &messages[i]
	}
	for i := range views {
		views[i].Last = found[views[i].Conversation.ID]
	}
	return views, nil
}

func listScope(user ids.UserID) string { return "conversations:" + user.String() }
