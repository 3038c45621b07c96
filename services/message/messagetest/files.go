// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// ReadableFiles implements message.Showing.
func (s *Store) ReadableFiles(_ context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ids.FileID
	for id, c := range s.conversations {
		if m, ok := c.Membership(user); ok && !m.Left && slices.Contains(files, c.Avatar) {
			found = append(found, c.Avatar)
		}
		for _, r := range s.messages[id] {
			hidden := slices.Contains(s.hidden[place{user, id}], r.Seq)
			if r.Kind.HasFile() && slices.Contains(files, r.Media.File) && c.Sees(user, r.Seq) && !hidden {
				found = append(found, r.Media.File)
			}
		}
	}
	slices.SortFunc(found, ids.FileID.Compare)
	return slices.Compact(found), nil
}

// Shown implements message.Showing.
func (s *Store) Shown(_ context.Context, showings []message.FileShowing) ([]message.FileShowing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(showings), func(one message.FileShowing) bool {
		if !one.Group.IsZero() {
			c := s.conversations[one.Group]
			return c == nil || c.Avatar != one.File
		}
		first := s.stored[message.ClientKey{Sender: one.Sender, ClientID: one.ClientID}]
		if first.Seq == 0 {
			return true
		}
		m := s.messages[first.Conversation][first.Seq-1].Message
		return !m.Kind.HasFile() || m.Media.File != one.File
	}), nil
}

// Files is a file service. It is safe for concurrent use.
type Files struct {
	mu    sync.Mutex // guards what follows
	files map[ids.FileID]upload
	err   error
	cited []message.Citation
	hang  bool
}

type upload struct {
	owner   ids.UserID
	purpose message.FilePurpose
	file    message.CitedFile
}

// NewFiles makes one without files.
func NewFiles() *Files { return &Files{files: map[ids.FileID]upload{}} }

// Upload adds a finished file of somebody.
func (f *Files) Upload(owner ids.UserID, purpose message.FilePurpose, name string) message.CitedFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := message.CitedFile{ID: ids.NewFile(), Name: name, Size: 1234, ContentType: "application/octet-stream"}
	switch purpose {
	case message.ForImage, message.ForAvatar:
		file.Width, file.Height, file.ContentType = 640, 480, "image/png"
	case message.ForVoice:
		file.ContentType = "audio/webm"
	case message.ForFile:
	}
	f.files[file.ID] = upload{owner, purpose, file}
	return file
}

// Measure lets the bytes of a voice message tell its length.
func (f *Files) Measure(id ids.FileID, ms int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.files[id]
	one.file.Duration = ms
	f.files[id] = one
}

// Fail makes the calls that follow fail, with nil no longer.
func (f *Files) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Hang makes the calls that follow wait until their context ends.
func (f *Files) Hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = true
}

// Cited lists what was asked so far.
func (f *Files) Cited() []message.Citation {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.cited)
}

// Cite implements message.Files.
func (f *Files) Cite(ctx context.Context, citations []message.Citation) ([]message.CitedFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang {
		f.mu.Unlock()
		<-ctx.Done()
		f.mu.Lock()
		return nil, ctx.Err()
	}
	f.cited = append(f.cited, citations...)
	found := make([]message.CitedFile, len(citations))
	for i, c := range citations {
		one := f.files[c.File]
		if one.purpose == c.For && (one.owner == c.By || c.Forwarded) {
			found[i] = one.file
		}
	}
	return found, f.err
}

// Attached makes a draft with a new upload of its sender.
func (f *Fixture) Attached(sender ids.UserID, to ids.ConversationID, kind message.BodyKind, name string) message.Draft {
	d := NewDraft(sender, to, "")
	d.Attach.Kind = kind
	switch kind {
	case message.Image:
		d.Attach.File = f.Files.Upload(sender, message.ForImage, name).ID
	case message.Voice:
		d.Attach.File, d.Attach.Duration = f.Files.Upload(sender, message.ForVoice, name).ID, 4200
		d.Attach.Waveform = "\x00\x10\xff"
	case message.File, message.Text, message.SystemBody, message.RecalledBody:
		d.Attach.File = f.Files.Upload(sender, message.ForFile, name).ID
	}
	return d
}

// Show sends a new upload.
func (f *Fixture) Show(t testing.TB, sender ids.UserID, to ids.ConversationID, kind message.BodyKind, name string) (message.Sent, ids.FileID) {
	t.Helper()
	d := f.Attached(sender, to, kind, name)
	sent, err := f.Send(t.Context(), d)
	if err != nil {
		t.Fatalf("send a file: %v", err)
	}
	return sent, d.Attach.File
}
