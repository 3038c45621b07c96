// SPDX-License-Identifier: Apache-2.0

// Package wire makes protos of what calls answer and events tell alike.
//
// What differs by reader is not here: connectapi answers one reader, an event goes to all of them.
package wire

import (
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Message is what everybody who reads a message is told: all but from where it was forwarded, and what it
// replies to.
func Message(m message.Message) *messagev1.Message {
	made := &messagev1.Message{
		ConversationId: m.Conversation.String(), Seq: m.Seq, MessageId: m.ID.String(), ClientMessageId: m.ClientID.String(),
		SenderId: m.Sender.String(), SentAt: m.SentAt, Rev: m.Rev, EditedAt: m.EditedAt,
		MentionIds: ids.Texts(m.Mentions.Users.List()), MentionsAll: m.Mentions.All,
	}
	for _, r := range m.Reactions.List() {
		made.Reactions = append(made.Reactions, &messagev1.Reaction{Emoji: r.Emoji, Count: r.Count, UserIds: ids.Texts(r.UserIDs())})
	}
	switch m.Kind {
	case message.Text:
		made.Content = &messagev1.Message_Text{Text: &messagev1.Text{Body: m.Text}}
	case message.Image:
		made.Content = &messagev1.Message_Image{Image: image(m.Media)}
	case message.File:
		made.Content = &messagev1.Message_File{File: &messagev1.Attachment{File: file(m.Media)}}
	case message.Voice:
		made.Content = &messagev1.Message_Voice{Voice: voice(m.Media)}
	case message.SystemBody:
		made.Content = &messagev1.Message_System{System: system(m)}
	case message.RecalledBody:
		made.Content = &messagev1.Message_Recalled{Recalled: recalled(m.Recall)}
	}
	return made
}

// system leaves out what cannot be read; one such message must not keep the page from being read.
func system(m message.Message) *messagev1.System {
	s, err := m.System()
	if err != nil {
		return &messagev1.System{}
	}
	return &messagev1.System{
		Kind: messagev1.SystemKind(s.Kind), ActorId: s.Actor.String(), UserIds: ids.Texts(s.Users),
		Name: s.Name, Role: messagev1.MemberRole(s.Role),
	}
}

// recalled says nothing of which moderator it was.
func recalled(r message.Recall) *messagev1.Recalled {
	if r.ByModeration {
		return &messagev1.Recalled{At: r.At, ByModeration: true}
	}
	return &messagev1.Recalled{By: r.By.String(), At: r.At}
}
