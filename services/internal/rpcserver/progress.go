// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Patience is how long a transfer of bytes may stand still; chosen.
const Patience = 30 * time.Second

// lingerTime and lingerBytes bound what is still read after an answer that came before the end of the request: many
// clients look for an answer only when they have sent all, and lose it if the connection breaks before. Chosen; the
// bytes are more than a part of the web client.
const (
	lingerTime  = 5 * time.Second
	lingerBytes = 4 << 20
)

// ServeByProgress frees a request from the deadlines of its server: it may take any time, as long as bytes move. An
// answer does not wait for the rest of the request: whoever is refused hears it at once, and the connection ends then.
func ServeByProgress(w http.ResponseWriter, r *http.Request, now func() time.Time, handler http.Handler) {
	p := &progress{ResponseWriter: w, control: http.NewResponseController(w), now: now, plain: r.ProtoMajor == 1}
	_ = p.control.EnableFullDuplex() // HTTP/2 has it always
	p.extend()
	moved := r.WithContext(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		p.body = &movingBody{ReadCloser: r.Body, p: p}
		moved.Body = p.body
	}
	defer p.end()
	handler.ServeHTTP(p, moved)
	p.linger(r.Header.Get("Expect") != "")
}

// progress moves deadlines on with each write. A connection that has none is left as it is.
type progress struct {
	http.ResponseWriter

	control *http.ResponseController
	now     func() time.Time
	plain   bool        // HTTP/1, where nothing else can come before the request has ended
	body    *movingBody // nil without one

	// The handler alone uses these.
	begun bool   // the answer
	held  *whole // the answer, if it is kept until its length is known

	mu    sync.Mutex // guards early, over, the use of control by readers, and the fields of body
	early bool       // the answer began before the request had ended
	over  bool       // the request is done with, and control must not be used any more
}

// end is for bodies that are read longer than their request lives, as a proxy's are: it hands them on in a goroutine
// that hears of an early answer last.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

// whole is an answer that came early and did not tell its length. The client must not wait for the end of the
// connection to know where it ends.
type whole struct {
	status  int
	content []byte
}

// extend gives the next read its time, and the next write time for what must happen before.
func (p *progress) extend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	now := p.now()
	if !p.early {
		_ = p.control.SetReadDeadline(now.Add(Patience))
	}
	_ = p.control.SetWriteDeadline(now.Add(2 * Patience))
}

// WriteHeader lets an early answer end the connection.
func (p *progress) WriteHeader(status int) {
	if p.begun || status < http.StatusOK {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	p.begun = true
	if p.cut() && p.plain {
		p.Header().Set("Connection", "close")
		if p.Header().Get("Content-Length") == "" {
			p.held = &whole{status: status}
			return
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

// cut tells whether the request has not ended yet; nobody waits for it any more then.
func (p *progress) cut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.early = p.body != nil && !p.body.ended; p.early {
		_ = p.control.SetReadDeadline(p.now().Add(lingerTime))
	}
	return p.early
}

// Write writes a piece of the answer.
func (p *progress) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	if p.held != nil && len(p.held.content)+len(b) <= lingerBytes {
		p.held.content = append(p.held.content, b...)
		return len(b), nil
	}
	if err := p.release(false); err != nil {
		return 0, err
	}
	p.extend()
	return p.ResponseWriter.Write(b)
}

// release sends what is held.
func (p *progress) release(all bool) error {
	held := p.held
	if held == nil {
		return nil
	}
	p.held = nil
	if all && held.status != http.StatusNoContent {
		p.Header().Set("Content-Length", strconv.Itoa(len(held.content)))
	}
	p.ResponseWriter.WriteHeader(held.status)
	_, err := p.ResponseWriter.Write(held.content)
	return err
}

// FlushError sends what was written, unless it is held.
func (p *progress) FlushError() error {
	if p.held != nil {
		return nil
	}
	return p.control.Flush()
}

// linger sends an early answer off and reads on for a while. Who waits to be asked for bytes sends none.
func (p *progress) linger(expects bool) {
	err := p.release(true)
	p.mu.Lock()
	over := !p.early || !p.plain || expects && !p.body.begun
	p.mu.Unlock()
	if over || errors.Join(err, p.control.Flush()) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, p.body, lingerBytes) // nobody needs it
}

// Unwrap is for http.ResponseController.
func (p *progress) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// movingBody moves deadlines on with each read.
type movingBody struct {
	io.ReadCloser

	p            *progress
	begun, ended bool
}

// Read reads a piece of the request.
func (b *movingBody) Read(to []byte) (int, error) {
	b.p.extend()
	n, err := b.ReadCloser.Read(to)
	b.p.mu.Lock()
	b.begun, b.ended = b.begun || n > 0, b.ended || errors.Is(err, io.EOF)
	b.p.mu.Unlock()
	return n, err
}
