// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

const (
	// maxMessageBytes of a request, after decompression, of a method without Bounds.
	maxMessageBytes = 1 << 20
	// maxCompressedBytes of a request on the wire: connect-go inflates an oversized message to its end
	// just to count it, so a bomb must be small to be harmless.
	maxCompressedBytes = 64 << 10
	// envelopeBytes come before a gRPC message.
	envelopeBytes = 5
	// compressMinBytes of an answer: below it compression costs more than it saves; chosen.
	compressMinBytes = 1 << 10
)

// Handler serves the mounted services. In front of them it refuses unknown methods, callers that may
// not call, oversized bodies and headers that connect-go would answer without a reason. A caller that
// is turned away learns nothing of what the body would have caused.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := s.findBytes(r); handler != nil {
			s.serveBytes(w, r, handler)
			return
		}
		handler, err := s.find(r)
		if err == nil {
			r, err = s.admit(r)
		}
		leave := func() {}
		if err == nil {
			leave, err = s.enter(r)
		}
		defer leave()
		if err == nil {
			err = s.readRequest(w, r)
		}
		if err != nil {
			s.WriteError(w, r, err)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// admit checks who calls, and whether a rule of the method lets them in; the request that it answers
// carries the caller.
func (s *Server) admit(r *http.Request) (*http.Request, error) {
	caller, err := s.authenticate(r.Header)
	if err != nil {
		return r, err
	}
	ctx := identity.NewContext(r.Context(), caller)
	err = s.rules[r.URL.Path].check(caller)
	s.noteDenied(ctx, r.URL.Path, err)
	return r.WithContext(ctx), err
}

// noteDenied reports that somebody asked for what only those with a role may do, or their role may not.
func (s *Server) noteDenied(ctx context.Context, procedure string, err error) {
	if s.denied == nil || !errors.Is(err, fault.ErrForbidden) || !s.rules[procedure].forAdmins() {
		return
	}
	if caller := identity.FromContext(ctx); !caller.UserID.IsZero() {
		s.denied(ctx, procedure)
	}
}

// WriteError answers a request with an error in the form of its protocol, before any service saw it.
func (s *Server) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	answer := s.answer(r.Context(), err, r.URL.Path, identity.FromContext(r.Context()).RequestID)
	if _, known := s.rules[r.URL.Path]; known {
		s.metrics.observe(r.URL.Path, answer, 0)
	}
	if err := s.errors.Write(w, r, answer); err != nil {
		s.logger.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// find looks the path up as it is: it is never cleaned, decoded twice or redirected.
func (s *Server) find(r *http.Request) (http.Handler, error) {
	_, known := s.rules[r.URL.Path]
	handler, mounted := s.services[r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')+1]]
	if !known || !mounted || r.URL.RawPath != "" || r.Method != http.MethodPost {
		return nil, errMethod
	}
	return handler, nil
}

// readRequest reads the whole body within its limit and puts it back, inflated where the protocol has
// no envelope.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request) error {
	if err := checkTimeout(r.Header.Get("Connect-Timeout-Ms")); err != nil {
		return err
	}
	grpc := strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
	encoding, err := encodingOf(r.Header, grpc)
	if err != nil {
		return err
	}
	limit := s.requestBytes(r.URL.Path)
	body, err := readBody(w, r, bodyLimit(limit, grpc, encoding))
	if err != nil {
		return err
	}
	if encoding != "" && !grpc {
		if body, err = inflate(body, limit); err != nil {
			return err
		}
		r.Header.Del("Content-Encoding")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return nil
}

// checkTimeout accepts what the Connect protocol does: up to ten digits.
func checkTimeout(text string) error {
	if len(text) > 10 || strings.Trim(text, "0123456789") != "" {
		return fault.InvalidField("Connect-Timeout-Ms", "timeout")
	}
	return nil
}

// encodingOf is empty or gzip.
func encodingOf(header http.Header, grpc bool) (string, error) {
	name := "Content-Encoding"
	if grpc {
		name = "Grpc-Encoding"
	}
	switch encoding := header.Get(name); encoding {
	case "", "identity":
		return "", nil
	case "gzip":
		return encoding, nil
	default:
		return "", fault.InvalidField(name, "encoding")
	}
}

func bodyLimit(limit int64, grpc bool, encoding string) int64 {
	if encoding != "" {
		limit = maxCompressedBytes
	}
	if grpc {
		limit += envelopeBytes
	}
	return limit
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fault.ErrInvalid.With("rule", "body").Because(fmt.Errorf("read the body: %w", err))
	}
	return body.Bytes(), nil
}

func inflate(body []byte, limit int64) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fault.ErrInvalid.With("rule", "gzip").Because(err)
	}
	inflated, err := io.ReadAll(io.LimitReader(reader, limit+1))
	switch {
	case err != nil:
		return nil, fault.ErrInvalid.With("rule", "gzip").Because(err)
	case int64(len(inflated)) > limit:
		return nil, ErrTooLarge
	}
	return inflated, nil
}
