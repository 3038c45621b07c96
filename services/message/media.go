// SPDX-License-Identifier: Apache-2.0

package message

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of what comes with a file, as promised to clients.
const (
	MaxAltCharacters        = 500 // code points
	MaxVoiceDuration        = 5 * 60 * 1000
	MaxWaveform             = 128  // bytes
	MaxTranscriptCharacters = 8000 // code points
	maxLanguage             = 35   // bytes; the longest tag that BCP 47 asks programs to take
)

// HasFile tells whether a message of the kind shows a file.
func (k BodyKind) HasFile() bool { return k == Image || k == File || k == Voice }

// said tells whether a person said it, and it stands.
func (k BodyKind) said() bool { return k == Text || k.HasFile() }

// Attachment is the picture, file or voice message that a draft sends; zero for none.
type Attachment struct {
	Kind BodyKind // Image, File or Voice
	File ids.FileID
	Alt  string // of an Image
	// Duration is ms and Waveform how loud it is over time; of a Voice.
	Duration int32
	Waveform string
}

// IsZero tells that the draft has no file.
func (a Attachment) IsZero() bool { return a == Attachment{} }

func (a Attachment) check() error {
	switch {
	case !a.Kind.HasFile():
		return fault.InvalidField("content", "oneof")
	case a.File.IsZero():
		return fault.InvalidField("content.file_id", "uuid")
	case !utf8.ValidString(a.Alt):
		return fault.InvalidField("content.image.alt", "utf8")
	case utf8.RuneCountInString(a.Alt) > MaxAltCharacters:
		return fault.InvalidField("content.image.alt", "max_len")
	case a.Kind == Voice && (a.Duration < 1 || a.Duration > MaxVoiceDuration):
		return fault.InvalidField("content.voice.duration_ms", "range")
	case len(a.Waveform) > MaxWaveform:
		return fault.InvalidField("content.voice.waveform", "max_len")
	}
	return nil
}

func (a Attachment) writeTo(h hash.Hash) {
	h.Write([]byte{byte(a.Kind)}) //nolint:gosec // one of three
	h.Write(a.File[:])
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(a.Duration))) //nolint:gosec // checked
	alt := sha256.Sum256([]byte(a.Alt))
	h.Write(alt[:])
	h.Write([]byte(a.Waveform))
}

// Media is what a message shows besides text: its file, as it was when it was sent, and what belongs to it.
// Zero for a message without a file.
type Media struct {
	File        ids.FileID
	Name        string
	Size        int64
	ContentType string
	// Width and Height of a picture in pixels, and what it shows.
	Width, Height int32
	Alt           string
	// Duration of a voice message, ms, how loud it is over time, and what was understood of it.
	Duration   int32
	Waveform   string
	Transcript Transcript
}

// weight is about what it costs in an answer.
func (m Media) weight() int {
	return len(m.Name) + len(m.ContentType) + len(m.Alt) + 2*len(m.Waveform) + len(m.Transcript.Text)
}

// mediaOf joins what the sender says and what the file service knows of the file.
func mediaOf(a Attachment, f CitedFile) Media {
	m := Media{File: a.File, Name: f.Name, Size: f.Size, ContentType: f.ContentType}
	switch a.Kind {
	case Image:
		m.Width, m.Height, m.Alt = f.Width, f.Height, a.Alt
	case Voice:
		m.Duration, m.Waveform = a.Duration, a.Waveform
		if f.Duration > 0 {
			m.Duration = f.Duration
		}
	case File, Text, SystemBody, RecalledBody: // nothing besides
	}
	return m
}

// TranscriptState tells how far the text of a voice message is. The numbers are stored.
type TranscriptState int32

// The states of a transcript.
const (
	NoTranscript          TranscriptState = 0 // nothing reads voice messages here
	TranscriptPending     TranscriptState = 1
	TranscriptDone        TranscriptState = 2 // without a text: nothing was understood
	TranscriptUnsupported TranscriptState = 3 // the recording cannot be read
	TranscriptFailed      TranscriptState = 4 // the provider did not manage
)

// Transcript is what a machine understood of a voice message.
type Transcript struct {
	State      TranscriptState
	Text       string
	Language   string  // BCP 47; may be empty
	Confidence float32 // 0 to 1; 0: unknown
	// Attempt is the number of the request that is or was answered, and AskedAt its time, ms.
	Attempt int32
	AskedAt int64
}

// final is what is kept of an answer: nothing that is longer than clients were promised.
func (t Transcript) final() (Transcript, error) {
	switch t.State {
	case TranscriptDone:
	case TranscriptUnsupported, TranscriptFailed:
		return Transcript{State: t.State}, nil
	case NoTranscript, TranscriptPending:
		return t, fault.InvalidField("transcript.state", "final")
	default:
		return t, fault.InvalidField("transcript.state", "enum")
	}
	if !utf8.ValidString(t.Text) || !utf8.ValidString(t.Language) {
		return t, fault.InvalidField("transcript.text", "utf8")
	}
	if t.Text = cutText(t.Text, MaxTranscriptCharacters); len(t.Language) > maxLanguage {
		t.Language = ""
	}
	if confidence := float64(t.Confidence); math.IsNaN(confidence) || confidence < 0 || confidence > 1 {
		t.Confidence = 0
	}
	return Transcript{State: t.State, Text: t.Text, Language: t.Language, Confidence: t.Confidence}, nil
}
