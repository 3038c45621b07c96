// SPDX-License-Identifier: Apache-2.0

// Package connectapi answers the calls of SpeechService.
//
// A handler converts, calls the domain and converts back; it decides nothing. Who may call is checked before,
// by rpcserver.
package connectapi

import (
	"context"
	"time"

	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/speech"
)

const (
	// requestBytes hold 4 MiB of audio, also as base64 in JSON, and what stands around it.
	requestBytes = 6 << 20
	// deadline of a call whose caller names none: reading takes longer than other calls.
	deadline = 30 * time.Second
)

// Bounds of the methods; parallel is how many recordings may be in memory at once.
func Bounds(parallel int) map[string]rpcserver.Bounds {
	return map[string]rpcserver.Bounds{
		speechv1connect.SpeechServiceRecognizeProcedure: {RequestBytes: requestBytes, Deadline: deadline, Parallel: parallel},
	}
}

// Handler implements speechv1connect.SpeechServiceHandler.
type Handler struct{ service *speech.Service }

// New answers from a service.
func New(service *speech.Service) Handler { return Handler{service} }

// Recognize reads a short recording.
func (h Handler) Recognize(ctx context.Context, r *speechv1.RecognizeRequest) (*speechv1.RecognizeResponse, error) {
	if language := r.GetLanguage(); language != "" && !speech.IsLanguage(language) {
		return nil, fault.InvalidField("language", "bcp47")
	}
	t, err := h.service.Recognize(ctx, speech.Dictation{
		Caller: identity.FromContext(ctx).UserID, Declared: fromFormat(r.GetFormat()), Audio: r.GetAudio(), Language: r.GetLanguage(),
	})
	if err != nil {
		return nil, err
	}
	return &speechv1.RecognizeResponse{Text: t.Text, Language: t.Language, Confidence: float32(t.Confidence)}, nil
}

// fromFormat lists what a recording of a declared format may be.
func fromFormat(f speechv1.AudioFormat) []speech.Format {
	switch f {
	case speechv1.AudioFormat_AUDIO_FORMAT_WAV:
		return []speech.Format{speech.WAV}
	case speechv1.AudioFormat_AUDIO_FORMAT_WEBM:
		return []speech.Format{speech.WebM}
	case speechv1.AudioFormat_AUDIO_FORMAT_AAC:
		return []speech.Format{speech.MP4, speech.ADTS}
	case speechv1.AudioFormat_AUDIO_FORMAT_MP3:
		return []speech.Format{speech.MP3}
	case speechv1.AudioFormat_AUDIO_FORMAT_UNSPECIFIED:
	}
	return nil
}
