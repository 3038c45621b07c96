// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// SetGroupAvatar implements ConversationService.
func (h *Handler) SetGroupAvatar(ctx context.Context, req *messagev1.SetGroupAvatarRequest) (*messagev1.SetGroupAvatarResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	var file ids.FileID
	if text := req.GetFileId(); text != "" {
		if file, err = ids.ParseFile("file_id", text); err != nil {
			return nil, err
		}
	}
	view, err := h.service.SetGroupAvatar(ctx, callerID(ctx), id, file)
	if err != nil {
		return nil, err
	}
	return &messagev1.SetGroupAvatarResponse{Conversation: toConversation(view)}, nil
}

// Transcribe implements MessageService.
func (h *Handler) Transcribe(ctx context.Context, req *messagev1.TranscribeRequest) (*messagev1.TranscribeResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	m, err := h.service.Transcribe(ctx, callerID(ctx), id, req.GetSeq())
	if err != nil {
		return nil, err
	}
	return &messagev1.TranscribeResponse{Message: toMessage(m)}, nil
}

// SetTranscript implements MessageService.
func (h *Handler) SetTranscript(ctx context.Context, req *messagev1.SetTranscriptRequest) (*messagev1.SetTranscriptResponse, error) {
	id, err := ids.ParseConversation("conversation_id", req.GetConversationId())
	if err != nil {
		return nil, err
	}
	t := req.GetTranscript()
	return &messagev1.SetTranscriptResponse{}, h.service.SetTranscript(ctx, id, req.GetSeq(), message.Transcript{
		State: message.TranscriptState(t.GetState()), Text: t.GetText(), Language: t.GetLanguage(),
		Confidence: t.GetConfidence(), Attempt: req.GetAttempt(),
	})
}

// CheckReadable implements MessageService.
func (h *Handler) CheckReadable(ctx context.Context, req *messagev1.CheckReadableRequest) (*messagev1.CheckReadableResponse, error) {
	user, err := ids.ParseUser("user_id", req.GetUserId())
	if err != nil {
		return nil, err
	}
	files, err := ids.ParseFiles("file_ids", req.GetFileIds())
	if err != nil {
		return nil, err
	}
	readable, err := h.service.CheckReadable(ctx, user, files)
	if err != nil {
		return nil, err
	}
	return &messagev1.CheckReadableResponse{FileIds: ids.Texts(readable)}, nil
}

// CheckCitations implements MessageService.
func (h *Handler) CheckCitations(ctx context.Context, req *messagev1.CheckCitationsRequest) (*messagev1.CheckCitationsResponse, error) {
	showings := make([]message.FileShowing, len(req.GetCitations()))
	for i, c := range req.GetCitations() {
		var err error
		if showings[i], err = showing(c); err != nil {
			return nil, err
		}
	}
	shown, err := h.service.CheckCitations(ctx, showings)
	if err != nil {
		return nil, err
	}
	return &messagev1.CheckCitationsResponse{Shown: shown}, nil
}

// showing reads a citation of a message or a group; people are another service's.
func showing(c *filev1.Citation) (s message.FileShowing, err error) {
	if s.File, err = ids.ParseFile("citations.file_id", c.GetFileId()); err != nil {
		return s, err
	}
	switch c.GetKind() {
	case filev1.HolderKind_HOLDER_KIND_GROUP:
		s.Group, err = ids.ParseConversation("citations.holder_id", c.GetHolderId())
	case filev1.HolderKind_HOLDER_KIND_MESSAGE:
		if s.Sender, err = ids.ParseUser("citations.holder_id", c.GetHolderId()); err != nil {
			return s, err
		}
		s.ClientID, err = ids.ParseClientMessage("citations.client_message_id", c.GetClientMessageId())
	default:
		err = fault.InvalidField("citations.kind", "enum")
	}
	return s, err
}

// attachment reads what is sent besides text; zero for a text.
func attachment(content *messagev1.Content) (a message.Attachment, err error) {
	var text string
	switch kind := content.GetKind().(type) {
	case *messagev1.Content_Image:
		a.Kind, a.Alt, text = message.Image, kind.Image.GetAlt(), kind.Image.GetFileId()
	case *messagev1.Content_File:
		a.Kind, text = message.File, kind.File.GetFileId()
	case *messagev1.Content_Voice:
		v := kind.Voice
		a.Kind, a.Duration, a.Waveform, text = message.Voice, v.GetDurationMs(), string(v.GetWaveform()), v.GetFileId()
	default:
		return a, nil
	}
	a.File, err = ids.ParseFile("content.file_id", text)
	return a, err
}
