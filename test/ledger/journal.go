// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Writer writes a journal. It is safe for concurrent use. Each line is handed to the underlying writer
// before Write returns, so that the line before a call exists when the call leaves. After an error every
// further Write answers that error: a journal with holes proves nothing.
type Writer struct {
	run  string
	seed int64

	mu  sync.Mutex // guards what follows
	out io.Writer
	err error
	n   int64
}

// NewWriter writes to out, usually an *os.File; run and seed go into each line.
func NewWriter(out io.Writer, run string, seed int64) *Writer {
	return &Writer{run: run, seed: seed, out: out}
}

// Write appends one line.
func (w *Writer) Write(e Event) error {
	e.Run, e.Seed = w.run, w.seed
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a journal line: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		w.err = fmt.Errorf("write the journal: %w", err)
		return w.err
	}
	w.n++
	return nil
}

// Lines is the count of written lines.
func (w *Writer) Lines() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// maxLineBytes bounds one line: a history read of 100,000 items fits.
const maxLineBytes = 64 << 20

// Read reads a whole journal.
func Read(in io.Reader) ([]Event, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	var events []Event
	for scanner.Scan() {
		var e Event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("journal line %d: %w", len(events)+1, err)
		}
		events = append(events, e)
	}
	if err := scanner.Err(); err != nil {
		return nil, errors.Join(errors.New("read the journal"), err)
	}
	return events, nil
}
