// SPDX-License-Identifier: Apache-2.0

package events

import (
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/message"
)

// encodeSpeech asks for a text. A message that was taken back meanwhile has no file any more, and nothing is
// to be done.
func encodeSpeech(m message.Message) *eventv1.SpeechRequested {
	asked := &eventv1.SpeechRequested{
		ConversationId: m.Conversation.String(), Seq: m.Seq, Attempt: m.Media.Transcript.Attempt, DurationMs: m.Media.Duration,
	}
	if m.Kind == message.Voice {
		asked.FileId = m.Media.File.String()
	}
	return asked
}

// encodeFile tells what a file is; its bytes are never in an event.
func encodeFile(m message.Media) *messagev1.FileInfo {
	return &messagev1.FileInfo{FileId: m.File.String(), Name: m.Name, Size: m.Size, ContentType: m.ContentType}
}

func encodeImage(m message.Media) *messagev1.Image {
	return &messagev1.Image{File: encodeFile(m), Width: m.Width, Height: m.Height, Alt: m.Alt}
}

func encodeVoice(m message.Media) *messagev1.Voice {
	v := &messagev1.Voice{File: encodeFile(m), DurationMs: m.Duration, Waveform: []byte(m.Waveform)}
	if t := m.Transcript; t.State != message.NoTranscript {
		v.Transcript = &messagev1.Transcript{
			State: messagev1.TranscriptState(t.State), Text: t.Text, Language: t.Language, Confidence: t.Confidence,
		}
	}
	return v
}
