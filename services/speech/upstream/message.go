// SPDX-License-Identifier: Apache-2.0

// Package upstream holds what speech asks of others: voice messages of the file service, and the message
// service to keep their texts.
package upstream

import (
	"context"
	"fmt"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/speech"
)

// Transcripts is the port speech.Transcripts over Connect.
type Transcripts struct {
	client messagev1connect.MessageServiceClient
}

// NewTranscripts takes a client of the message service.
func NewTranscripts(client messagev1connect.MessageServiceClient) *Transcripts {
	return &Transcripts{client}
}

// Set stores an outcome.
func (x *Transcripts) Set(ctx context.Context, r speech.Request, s speech.State, t speech.Transcript) error {
	_, err := x.client.SetTranscript(ctx, &messagev1.SetTranscriptRequest{
		ConversationId: r.Conversation.String(), Seq: r.Seq, Attempt: r.Attempt,
		Transcript: &messagev1.Transcript{
			State: toState(s), Text: t.Text, Language: t.Language, Confidence: float32(t.Confidence),
		},
	})
	switch {
	case err == nil:
		return nil
	case fault.KindOf(err) == fault.NotFound, fault.KindOf(err) == fault.Denied: // Denied: it is no voice message
		return fmt.Errorf("%w: %w", speech.ErrGone, err)
	default:
		return fmt.Errorf("set transcript: %w", err)
	}
}

func toState(s speech.State) messagev1.TranscriptState {
	switch s {
	case speech.Done:
		return messagev1.TranscriptState_TRANSCRIPT_STATE_DONE
	case speech.Unsupported:
		return messagev1.TranscriptState_TRANSCRIPT_STATE_UNSUPPORTED
	case speech.Failed:
		return messagev1.TranscriptState_TRANSCRIPT_STATE_FAILED
	}
	return messagev1.TranscriptState_TRANSCRIPT_STATE_UNSPECIFIED
}
