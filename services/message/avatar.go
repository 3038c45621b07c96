// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// SetGroupAvatar gives a group another picture, an upload of the actor; the zero id takes it away. The same
// picture again changes nothing.
func (s *Service) SetGroupAvatar(ctx context.Context, actor ids.UserID, id ids.ConversationID, file ids.FileID) (View, error) {
	a := Action{Conversation: id, Actor: actor, Kind: AvatarChanged, Avatar: file}
	if file.IsZero() {
		return s.act(ctx, a)
	}
	// Who may not change the group learns nothing about files.
	c, err := s.mayAct(ctx, a)
	if err != nil {
		return View{}, err
	}
	if c.Avatar == file { // another admin may have brought it
		return s.act(ctx, a)
	}
	found, err := s.citing.cite(ctx, []Citation{{File: file, By: actor, For: ForAvatar, Holder: Holder{Group: id}}})
	switch {
	case err != nil:
		return View{}, err
	case found[0].ID != file:
		return View{}, ErrFileNotReady
	}
	return s.act(ctx, a)
}

func (g *GroupChange) setAvatar(a Action) {
	if g.Conversation.Avatar == a.Avatar {
		return
	}
	g.Conversation.Avatar = a.Avatar
	g.say(a.Stamp, System{Kind: a.Kind, Actor: a.Actor}, ConversationUpdated)
}
