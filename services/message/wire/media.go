// SPDX-License-Identifier: Apache-2.0

package wire

import (
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/message"
)

// file tells what a file is; the file service gives its bytes.
func file(m message.Media) *messagev1.FileInfo {
	return &messagev1.FileInfo{FileId: m.File.String(), Name: m.Name, Size: m.Size, ContentType: m.ContentType}
}

func image(m message.Media) *messagev1.Image {
	return &messagev1.Image{File: file(m), Width: m.Width, Height: m.Height, Alt: m.Alt}
}

func voice(m message.Media) *messagev1.Voice {
	v := &messagev1.Voice{File: file(m), DurationMs: m.Duration, Waveform: []byte(m.Waveform)}
	if t := m.Transcript; t.State != message.NoTranscript {
		v.Transcript = &messagev1.Transcript{
			State: messagev1.TranscriptState(t.State), Text: t.Text, Language: t.Language, Confidence: t.Confidence,
		}
	}
	return v
}
