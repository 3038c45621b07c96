// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	// compactBytes is the size from which a file is written anew if most of it is old. Chosen.
	compactBytes = 1 << 20
	// maxLineBytes bounds one line: a message has 32 KiB at most, a position some thousand holes.
	maxLineBytes = 1 << 20
)

// FileStore is a Store in one file: a journal of JSON lines, each written and synced before the method
// returns. A line that a crash cut off is dropped when the file is opened. It is safe for concurrent
// use, by one process.
type FileStore struct {
	path string

	mu     sync.Mutex // guards what follows
	memory *MemoryStore
	file   *os.File
	size   int64 // of the file
	fresh  int64 // size right after the last compaction
	torn   bool  // the last line may be incomplete
}

// line is one change.
type line struct {
	Cursor       *string   `json:"cursor,omitempty"`
	Conversation string    `json:"conversation,omitempty"`
	Position     *Position `json:"position,omitempty"`
	Put          *Entry    `json:"put,omitempty"`
	Drop         string    `json:"drop,omitempty"`
}

// OpenFileStore opens or makes the file, readable by its owner only.
func OpenFileStore(path string) (*FileStore, error) {
	s := &FileStore{path: path, memory: NewMemoryStore()}
	if err := s.replay(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := s.compact(); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return s, nil
}

// Close ends the store; it must not be used afterwards.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}

// replay reads the journal up to its end or to a line that is cut off.
func (s *FileStore) replay() error {
	file, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil // the last line of a process that crashed; it was never promised
		}
		if err := s.apply(l); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *FileStore) apply(l line) error {
	switch {
	case l.Cursor != nil:
		return s.memory.SaveCursor(*l.Cursor)
	case l.Position != nil:
		return s.memory.SavePosition(l.Conversation, *l.Position)
	case l.Put != nil:
		return s.memory.PutEntry(*l.Put)
	default:
		return s.memory.DropEntry(l.Drop)
	}
}

// compact writes what is current to a new file and puts it in the place of the old one.
func (s *FileStore) compact() error {
	next, err := os.OpenFile(s.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	size, err := s.writeAll(next)
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(s.path+".new", s.path)
	}
	if err != nil {
		_ = next.Close()
		return err
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file, s.size, s.fresh, s.torn = next, size, size, false
	return nil
}

func (s *FileStore) writeAll(w io.Writer) (size int64, err error) {
	all, err := s.memory.Load()
	if err != nil {
		return 0, err
	}
	lines := []line{{Cursor: &all.Cursor}}
	for id, p := range all.Positions {
		lines = append(lines, line{Conversation: id, Position: &p})
	}
	for _, e := range all.Outbox {
		lines = append(lines, line{Put: &e})
	}
	for _, l := range lines {
		n, err := writeLine(w, l)
		size += int64(n)
		if err != nil {
			return size, err
		}
	}
	return size, nil
}

func writeLine(w io.Writer, l line) (int, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return 0, err
	}
	return w.Write(append(text, '\n'))
}

// write appends one change.
func (s *FileStore) write(l line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.add(l); err != nil {
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	if err := s.apply(l); err != nil {
		return err
	}
	forgotten := l.Cursor != nil && *l.Cursor == ""
	if forgotten || s.size > compactBytes && s.size > 4*s.fresh {
		return s.compact()
	}
	return nil
}

// add appends a line, whole or not at all: a part of one would spoil what follows.
func (s *FileStore) add(l line) error {
	if s.torn {
		if err := s.compact(); err != nil {
			return err
		}
	}
	n, err := writeLine(s.file, l)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		s.torn = true
		return err
	}
	s.size += int64(n)
	return nil
}

// Load answers a copy.
func (s *FileStore) Load() (Snapshot, error) { return s.memory.Load() }

// SaveCursor replaces the cursor.
func (s *FileStore) SaveCursor(cursor string) error { return s.write(line{Cursor: &cursor}) }

// SavePosition replaces a position.
func (s *FileStore) SavePosition(conversationID string, p Position) error {
	return s.write(line{Conversation: conversationID, Position: &p})
}

// PutEntry adds an entry.
func (s *FileStore) PutEntry(e Entry) error { return s.write(line{Put: &e}) }

// DropEntry removes an entry.
func (s *FileStore) DropEntry(clientMessageID string) error {
	return s.write(line{Drop: clientMessageID})
}
