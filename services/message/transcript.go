// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// transcriptLost is after how long a request without an answer may be made again: the tries of a provider
// that is away are over long before. Chosen, no evidence.
const transcriptLost = time.Hour

// ErrSpeechUnavailable says that nothing reads voice messages here.
var ErrSpeechUnavailable = fault.New(fault.Unavailable, "SPEECH_UNAVAILABLE", "nothing makes texts of voice messages here")

// transcribe settles the answer of a request. The first one stays, and one to an older request is too late.
// No state of the conversation keeps it from being stored: it is part of what was said.
func (ch Change) transcribe(c Conversation, m Message, ok bool) (ChangePlan, error) {
	switch asked := m.Media.Transcript; {
	case !ok || m.Kind == RecalledBody:
		return ChangePlan{}, ErrNotFound
	case m.Kind != Voice:
		return ChangePlan{}, ErrForbidden
	case asked.State != TranscriptPending || asked.Attempt != ch.Transcript.Attempt:
		return ChangePlan{Message: m}, nil
	default:
		changed := m
		changed.Media.Transcript = ch.Transcript
		changed.Media.Transcript.AskedAt = asked.AskedAt
		return ch.plan(c, m, changed, MessageTranscribed), nil
	}
}

// askAgain settles the wish for a text where there is none.
func (ch Change) askAgain(c Conversation, m Message) (ChangePlan, error) {
	switch {
	case m.Kind == RecalledBody:
		return ChangePlan{}, ErrRecalled
	case m.Kind != Voice:
		return ChangePlan{}, ErrForbidden
	}
	before := m.Media.Transcript
	switch before.State {
	case TranscriptDone, TranscriptUnsupported:
		return ChangePlan{Message: m}, nil
	case TranscriptPending:
		if ch.At-before.AskedAt < transcriptLost.Milliseconds() {
			return ChangePlan{Message: m}, nil
		}
	case NoTranscript, TranscriptFailed:
	}
	if ch.SpeechEvent.IsZero() {
		return ChangePlan{}, ErrSpeechUnavailable
	}
	changed := m
	changed.Media.Transcript = Transcript{State: TranscriptPending, Attempt: before.Attempt + 1, AskedAt: ch.At}
	plan := ch.plan(c, m, changed, MessageTranscribed)
	plan.Events = append(plan.Events, speechEvent(ch.SpeechEvent, plan.Message, ch.At))
	return plan, nil
}

// Transcribe asks for the text of a voice message whose text failed, and answers the message. Nothing
// changes while one is being made or is there. ErrSpeechUnavailable where nobody would make it.
func (s *Service) Transcribe(ctx context.Context, user ids.UserID, id ids.ConversationID, seq int64) (Message, error) {
	ch := Change{Conversation: id, Seq: seq, By: user, Kind: AskingAgain}
	if s.transcripts {
		ch.SpeechEvent = ids.NewEvent()
	}
	return s.change(ctx, ch)
}

// SetTranscript stores the answer to the request that t.Attempt names. Again, and for an older request,
// nothing changes. ErrNotFound for a message that is gone.
func (s *Service) SetTranscript(ctx context.Context, id ids.ConversationID, seq int64, t Transcript) error {
	attempt := t.Attempt
	t, err := t.final()
	if err != nil {
		return err
	}
	t.Attempt = attempt
	plan, err := s.store.Change(ctx, Change{
		Conversation: id, Seq: seq, Kind: Transcribing, Transcript: t, At: s.nowMillis(), EventID: ids.NewEvent(),
	})
	if err != nil {
		return err
	}
	s.publisher.Publish(plan.Events...)
	return nil
}
