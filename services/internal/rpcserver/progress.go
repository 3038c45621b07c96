// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"io"
	"net/http"
	"time"
)

// Patience is how long a transfer of bytes may stand still; chosen.
const Patience = 30 * time.Second

// ByProgress frees a request from the deadlines of its server: it may take any time, as long as bytes move. It
// answers the pair that the handler must use instead.
func ByProgress(w http.ResponseWriter, r *http.Request, now func() time.Time) (http.ResponseWriter, *http.Request) {
	p := &progress{ResponseWriter: w, control: http.NewResponseController(w), now: now}
	p.extend()
	moved := r.WithContext(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		moved.Body = movingBody{r.Body, p}
	}
	return p, moved
}

// progress moves deadlines on with each write. A connection that has none is left as it is.
type progress struct {
	http.ResponseWriter

	control *http.ResponseController
	now     func() time.Time
}

// extend gives the next read its time, and the next write time for what must happen before.
func (p *progress) extend() {
	now := p.now()
	_ = p.control.SetReadDeadline(now.Add(Patience))
	_ = p.control.SetWriteDeadline(now.Add(2 * Patience))
}

// Write writes a piece of the answer.
func (p *progress) Write(b []byte) (int, error) {
	p.extend()
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *progress) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// movingBody moves deadlines on with each read.
type movingBody struct {
	io.ReadCloser

	p *progress
}

// Read reads a piece of the request.
func (b movingBody) Read(to []byte) (int, error) {
	b.p.extend()
	return b.ReadCloser.Read(to)
}
