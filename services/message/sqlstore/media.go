// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// media is the body of a message that shows a file.
type media struct {
	File        ids.FileID `json:"file"`
	Name        string     `json:"name,omitempty"`
	Size        int64      `json:"size,omitempty"`
	ContentType string     `json:"type,omitempty"`
	Width       int32      `json:"width,omitempty"`
	Height      int32      `json:"height,omitempty"`
	Alt         string     `json:"alt,omitempty"`
	Duration    int32      `json:"duration,omitempty"`
	Waveform    []byte     `json:"waveform,omitempty"`
	// What was understood of it.
	State      message.TranscriptState `json:"transcript_state,omitempty"`
	Transcript string                  `json:"transcript,omitempty"`
	Language   string                  `json:"language,omitempty"`
	Confidence float32                 `json:"confidence,omitempty"`
	Attempt    int32                   `json:"attempt,omitempty"`
	AskedAt    int64                   `json:"asked_at,omitempty"`
}

// writeBody makes the column of a message: its text as it is, or its media.
func writeBody(m message.Message) ([]byte, error) {
	if !m.Kind.HasFile() {
		return []byte(m.Text), nil
	}
	f, t := m.Media, m.Media.Transcript
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(media{
		File: f.File, Name: f.Name, Size: f.Size, ContentType: f.ContentType, Width: f.Width, Height: f.Height, Alt: f.Alt,
		Duration: f.Duration, Waveform: []byte(f.Waveform), State: t.State, Transcript: t.Text, Language: t.Language,
		Confidence: t.Confidence, Attempt: t.Attempt, AskedAt: t.AskedAt,
	})
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}

func readBody(column []byte, m *message.Message) error {
	if !m.Kind.HasFile() {
		m.Text = string(column)
		return nil
	}
	var f media
	if err := json.Unmarshal(column, &f); err != nil {
		return err
	}
	m.Media = message.Media{
		File: f.File, Name: f.Name, Size: f.Size, ContentType: f.ContentType, Width: f.Width, Height: f.Height, Alt: f.Alt,
		Duration: f.Duration, Waveform: string(f.Waveform), Transcript: message.Transcript{
			State: f.State, Text: f.Transcript, Language: f.Language, Confidence: f.Confidence, Attempt: f.Attempt, AskedAt: f.AskedAt,
		},
	}
	return nil
}

// insertFiles keeps which messages show a file.
func insertFiles(ctx context.Context, tx *sqldb.Tx, rows []message.Row) error {
	var args []any
	for _, r := range rows {
		if r.Kind.HasFile() {
			args = append(args, r.Media.File, r.Conversation, r.Seq)
		}
	}
	if len(args) == 0 {
		return nil
	}
	const columns, one = 3, "(?, ?, ?)"
	return execute(ctx, tx, "insert files", "INSERT INTO message_files (file_id, conversation_id, seq) VALUES "+one+
		strings.Repeat(", "+one, len(args)/columns-1), args...)
}

// dropFile forgets that a message shows its file.
func dropFile(ctx context.Context, tx *sqldb.Tx, m message.Message) error {
	if !m.Kind.HasFile() {
		return nil
	}
	return execute(ctx, tx, "drop file", "DELETE FROM message_files WHERE file_id = ? AND conversation_id = ? AND seq = ?",
		m.Media.File, m.Conversation, m.Seq)
}

// ReadableFiles implements message.Showing: by messages in the intervals of the user, and by groups. Rows of
// what was taken back are gone.
func (s *Store) ReadableFiles(ctx context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var found, pictures []ids.FileID
	query, args := sqldb.In("SELECT DISTINCT f.file_id FROM message_files f JOIN members m ON m.conversation_id = f.conversation_id"+
		" AND m.user_id = ? AND m.joined_seq <= f.seq AND (m.left_seq IS NULL OR f.seq <= m.left_seq) WHERE f.file_id IN (?)"+
		" AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.conversation_id = f.conversation_id AND h.user_id = m.user_id AND h.seq = f.seq)",
		user, files)
	if err := s.db.Select(ctx, &found, query, args...); err != nil {
		return nil, fmt.Errorf("read files of messages: %w", err)
	}
	query, args = sqldb.In("SELECT DISTINCT c.avatar_file_id FROM conversations c JOIN members m ON m.conversation_id = c.id"+
		" AND m.user_id = ? AND m.left_seq IS NULL WHERE c.avatar_file_id IN (?)", user, files)
	if err := s.db.Select(ctx, &pictures, query, args...); err != nil {
		return nil, fmt.Errorf("read pictures of groups: %w", err)
	}
	found = append(found, pictures...)
	slices.SortFunc(found, ids.FileID.Compare)
	return slices.Compact(found), nil
}

// Shown implements message.Showing.
func (s *Store) Shown(ctx context.Context, showings []message.FileShowing) ([]message.FileShowing, error) {
	var clients []ids.ClientMessageID
	var groups []ids.ConversationID
	for _, one := range showings {
		if one.Group.IsZero() {
			clients = append(clients, one.ClientID)
		} else {
			groups = append(groups, one.Group)
		}
	}
	messages, err := s.shownByMessages(ctx, clients)
	if err != nil {
		return nil, err
	}
	pictures, err := s.shownByGroups(ctx, groups)
	return slices.DeleteFunc(append(messages, pictures...), func(found message.FileShowing) bool {
		return !slices.Contains(showings, found)
	}), err
}

func (s *Store) shownByMessages(ctx context.Context, clients []ids.ClientMessageID) ([]message.FileShowing, error) {
	if len(clients) == 0 {
		return nil, nil
	}
	var rows []struct {
		Sender   ids.UserID          `db:"sender_id"`
		ClientID ids.ClientMessageID `db:"client_message_id"`
		Kind     int32               `db:"kind"`
		Body     []byte              `db:"body"`
	}
	query, args := sqldb.In("SELECT sender_id, client_message_id, kind, body FROM messages WHERE client_message_id IN (?)"+
		" AND kind IN (?)", clients, []int32{int32(message.Image), int32(message.File), int32(message.Voice)})
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read messages that show files: %w", err)
	}
	found := make([]message.FileShowing, len(rows))
	for i, r := range rows {
		m := message.Message{Kind: message.BodyKind(r.Kind)}
		if err := readBody(r.Body, &m); err != nil {
			return nil, fmt.Errorf("body of message %s: %w", r.ClientID, err)
		}
		found[i] = message.FileShowing{File: m.Media.File, Holder: message.Holder{Sender: r.Sender, ClientID: r.ClientID}}
	}
	return found, nil
}

func (s *Store) shownByGroups(ctx context.Context, groups []ids.ConversationID) ([]message.FileShowing, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	var rows []struct {
		Group ids.ConversationID `db:"id"`
		File  ids.FileID         `db:"avatar_file_id"`
	}
	query, args := sqldb.In("SELECT id, avatar_file_id FROM conversations WHERE id IN (?) AND avatar_file_id IS NOT NULL", groups)
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read pictures of groups: %w", err)
	}
	found := make([]message.FileShowing, len(rows))
	for i, r := range rows {
		found[i] = message.FileShowing{File: r.File, Holder: message.Holder{Group: r.Group}}
	}
	return found, nil
}
