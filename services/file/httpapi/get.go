// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// sandbox is the policy of a file: were it shown after all, it could do nothing.
const sandbox = "sandbox; default-src 'none'"

// get answers what a link leads to.
func (h Handler) get(w http.ResponseWriter, r *http.Request, id ids.FileID) {
	query := r.URL.Query()
	variant, variantErr := strconv.ParseUint(query.Get(file.ParamVariant), 10, 8)
	expires, expiresErr := strconv.ParseInt(query.Get(file.ParamExpires), 10, 64)
	if variantErr != nil || expiresErr != nil {
		h.refuser.WriteError(w, r, file.ErrLinkForeign)
		return
	}
	claim := file.Claim{File: id, Variant: int(variant), ExpiresAt: expires}
	b, err := h.service.Follow(r.Context(), identity.FromContext(r.Context()).UserID, claim, query.Get(file.ParamSeal))
	if err != nil {
		h.refuser.WriteError(w, r, err)
		return
	}
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range") // several ranges at once would read the store again and again
	}
	content := &seeker{ctx: r.Context(), service: h.service, bytes: b}
	defer content.Close()
	late := &lateHeader{ResponseWriter: w}
	describe(late.Header(), b)
	http.ServeContent(late, r, "", time.Time{}, content)
	h.conclude(late, r, content.failed)
}

// describe sets what a browser may do with the bytes.
func describe(out http.Header, b file.Bytes) {
	out.Set("Content-Type", b.Served())
	out.Set("Content-Disposition", b.Disposition())
	out.Set("Etag", `"`+hex.EncodeToString(b.Hash[:])+`"`)
	out.Set("Cache-Control", "private, max-age=31536000, immutable")
	out.Set("X-Content-Type-Options", "nosniff")
	out.Set("Content-Security-Policy", sandbox)
	out.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// conclude answers an error while that is possible, and else breaks off: nobody must take a piece for the whole.
func (h Handler) conclude(w *lateHeader, r *http.Request, err error) {
	switch {
	case err == nil:
		w.flush()
	case w.sent:
		panic(http.ErrAbortHandler)
	default:
		for name := range w.Header() {
			if name != "Vary" {
				w.Header().Del(name)
			}
		}
		h.refuser.WriteError(w.ResponseWriter, r, err)
	}
}

// lateHeader sends its header with the first bytes, so that an error before them has an answer of its own.
type lateHeader struct {
	http.ResponseWriter

	status int
	sent   bool
}

// WriteHeader keeps the status.
func (w *lateHeader) WriteHeader(status int) { w.status = status }

// Write sends the header first.
func (w *lateHeader) Write(b []byte) (int, error) {
	w.flush()
	return w.ResponseWriter.Write(b)
}

func (w *lateHeader) flush() {
	if !w.sent && w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	w.sent = true
}

// seeker reads from wherever it was last put; it opens the bytes when they are wanted.
type seeker struct {
	ctx     context.Context //nolint:containedctx // io.Reader has none, and the reader lives as long as the request
	service *file.Service
	bytes   file.Bytes
	at      int64
	open    io.ReadCloser
	failed  error
}

// Seek moves; nothing is read.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.bytes.Size
	}
	if offset != s.at {
		s.Close()
	}
	s.at = offset
	return offset, nil
}

// Read reads on.
func (s *seeker) Read(p []byte) (int, error) {
	if s.at >= s.bytes.Size {
		return 0, io.EOF
	}
	if s.open == nil {
		if s.open, s.failed = s.service.Open(s.ctx, s.bytes, s.at); s.failed != nil {
			return 0, s.failed
		}
	}
	n, err := s.open.Read(p)
	s.at += int64(n)
	if errors.Is(err, io.EOF) && s.at < s.bytes.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// Close closes what is open.
func (s *seeker) Close() {
	if s.open != nil {
		_ = s.open.Close() // what was read was good
		s.open = nil
	}
}
