// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// shownFile is what a message shows besides text.
type shownFile struct {
	kind    message.BodyKind // of the message
	file    ids.FileID
	name    string
	client  ids.ClientMessageID
	state   message.TranscriptState
	attempt int32
}

const understood = "明天十点开会"

// copied is what a forward of it shows. A text that is not there yet is wanted anew.
func (f shownFile) copied(client ids.ClientMessageID) shownFile {
	if f.client = client; f.kind == message.Voice && f.state != message.TranscriptDone {
		f.state, f.attempt = message.TranscriptPending, 1
	}
	return f
}

func (f shownFile) line() string {
	switch {
	case f.kind == message.File:
		return f.name
	case f.state == message.TranscriptDone:
		return understood
	}
	return ""
}

func (f shownFile) equals(m message.Message) bool {
	t := m.Media.Transcript
	return m.Media.File == f.file && t.State == f.state && t.Attempt == f.attempt && (t.Text == "") == (f.state != message.TranscriptDone)
}

// show does what is about files.
func (m *groupModel) show(t testing.TB, s GroupStep) {
	ctx, actor := t.Context(), m.users[s.Actor]
	switch s.Kind {
	case 16:
		kind := message.BodyKind(int32(s.Role) + 1)
		d := m.service.Attached(actor, m.id, kind, "a name")
		m.files = append(m.files, d.Attach.File)
		_, err := m.service.Send(ctx, d)
		m.expect(s, err, m.mayAct(actor, message.RoleMember), func() {
			one := m.send(actor, "")
			one.shownFile = shownFile{kind: kind, file: d.Attach.File, name: "a name", client: d.ClientID}
			if kind == message.Voice {
				one.state, one.attempt = message.TranscriptPending, 1
			}
		})
	case 17:
		var file ids.FileID
		if s.Seq%3 > 0 {
			file = m.service.Files.Upload(actor, message.ForAvatar, "face").ID
			m.files = append(m.files, file)
		}
		_, err := m.service.SetGroupAvatar(ctx, actor, m.id, file)
		m.expect(s, err, m.mayAct(actor, message.RoleAdmin), func() {
			if m.avatar != file {
				m.avatar = file
				m.say(actor, true)
			}
		})
	case 18:
		answer := message.Transcript{State: message.TranscriptDone, Text: understood, Attempt: 1 + int32(s.User)/3}
		if s.Role == message.RoleOwner {
			answer.State, answer.Text = message.TranscriptFailed, ""
		}
		m.expectChange(s, m.service.SetTranscript(ctx, m.id, s.Seq, answer), m.mayTranscribe(s.Seq, answer))
	default:
		_, err := m.service.Transcribe(ctx, actor, m.id, s.Seq)
		m.expectChange(s, err, m.mayAskAgain(s))
	}
}

func (m *groupModel) mayTranscribe(seq int64, answer message.Transcript) verdict {
	one := m.at(seq)
	switch {
	case one == nil || one.recalled:
		return verdict{refusal: message.ErrNotFound}
	case one.kind != message.Voice:
		return verdict{refusal: message.ErrForbidden}
	case one.state != message.TranscriptPending || one.attempt != answer.Attempt:
		return verdict{}
	}
	return verdict{change: func(one *said) { one.state = answer.State }}
}

func (m *groupModel) mayAskAgain(s GroupStep) verdict {
	actor := m.users[s.Actor]
	switch one := m.at(s.Seq); {
	case m.roles[actor] == message.NoRole || !m.sees(actor, s.Seq):
		return verdict{refusal: message.ErrNotFound}
	case one.recalled:
		return verdict{refusal: message.ErrRecalled}
	case one.kind != message.Voice:
		return verdict{refusal: message.ErrForbidden}
	case one.state != message.TranscriptFailed:
		return verdict{}
	}
	return verdict{change: func(one *said) { one.state, one.attempt = message.TranscriptPending, one.attempt+1 }}
}

// compareReadable: a user reads the files of messages that they see, and nothing else.
func (m *groupModel) compareReadable(t testing.TB, user ids.UserID) {
	m.t.Helper()
	if len(m.files) == 0 {
		return
	}
	var want []ids.FileID
	for i, one := range m.log {
		seq := int64(i + 1)
		if !one.file.IsZero() && one.seen[user] && !m.hidden[user][seq] {
			want = append(want, one.file)
		}
	}
	if m.roles[user] != message.NoRole && !m.avatar.IsZero() {
		want = append(want, m.avatar)
	}
	slices.SortFunc(want, ids.FileID.Compare)
	got, err := m.service.CheckReadable(t.Context(), user, m.files)
	slices.SortFunc(got, ids.FileID.Compare)
	if !slices.Equal(slices.Compact(want), got) || err != nil {
		m.t.Fatalf("may read %v, %v, want %v", got, err, want)
	}
}

// compareCitations: what shows a file keeps it, and what does not any more lets it go.
func (m *groupModel) compareCitations(t testing.TB) {
	m.t.Helper()
	var asked []message.FileShowing
	var want []bool
	for _, c := range m.service.Files.Cited() {
		if !slices.Contains(m.files, c.File) {
			continue
		}
		asked = append(asked, message.FileShowing{File: c.File, Holder: c.Holder})
		want = append(want, c.File == m.avatar || slices.ContainsFunc(m.log, func(one *said) bool {
			return one.file == c.File && one.client == c.ClientID && one.sender == c.Sender
		}))
	}
	got, err := m.service.CheckCitations(t.Context(), asked)
	if err != nil || !slices.Equal(want, got) {
		m.t.Fatalf("shown %v, %v, want %v", got, err, want)
	}
}
