// SPDX-License-Identifier: Apache-2.0

package client

import messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"

// Text makes the content of a plain text message.
func Text(body string) *messagev1.Content {
	return &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: body}}}
}

// Image makes the content of a picture: a finished upload of the user, and what it shows, for who cannot see
// it; may be empty.
func Image(fileID, alt string) *messagev1.Content {
	return &messagev1.Content{Kind: &messagev1.Content_Image{Image: &messagev1.ImageContent{FileId: fileID, Alt: alt}}}
}

// File makes the content of a file: a finished upload of the user.
func File(fileID string) *messagev1.Content {
	return &messagev1.Content{Kind: &messagev1.Content_File{File: &messagev1.FileContent{FileId: fileID}}}
}

// Voice makes the content of a voice message: a finished upload of the user, its length in ms, and how loud it
// is over time, a byte for each of at most 128 equal parts.
func Voice(fileID string, durationMS int32, waveform []byte) *messagev1.Content {
	return &messagev1.Content{Kind: &messagev1.Content_Voice{
		Voice: &messagev1.VoiceContent{FileId: fileID, DurationMs: durationMS, Waveform: waveform},
	}}
}

// FileOf is the file that a message shows, nil if it shows none. Download gives the bytes.
func FileOf(m *messagev1.Message) *messagev1.FileInfo {
	switch content := m.GetContent().(type) {
	case *messagev1.Message_Image:
		return content.Image.GetFile()
	case *messagev1.Message_File:
		return content.File.GetFile()
	case *messagev1.Message_Voice:
		return content.Voice.GetFile()
	}
	return nil
}
