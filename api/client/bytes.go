// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

const (
	// stallWait is how long bytes may stand still; a server has the same patience.
	stallWait = 30 * time.Second
	// maxRefusal bounds what is read of an answer that is no bytes.
	maxRefusal = 64 << 10
	// maxInternal is how often in a row a server may say that the fault is its own. Chosen.
	maxInternal = 5
)

// ErrDamaged says that the bytes that came are not those of the file.
var ErrDamaged = errors.New("the bytes are not those of the file")

var errStalled = errors.New("no byte moved for too long")

// FileError is a final refusal of an upload or a download.
type FileError struct {
	// Reason as the server gives it, for example TOO_LARGE, QUOTA_EXCEEDED, CHECKSUM_MISMATCH, NOT_FOUND.
	Reason   string
	Metadata map[string]string

	err error
}

// Error names the reason.
func (e *FileError) Error() string { return "file refused: " + e.Reason }

// Unwrap is the error of the call, for connect.CodeOf.
func (e *FileError) Unwrap() error { return e.err }

// ownError is one of the caller's reader or writer: no other try would help.
type ownError struct{ error }

// Unwrap is the error itself.
func (e ownError) Unwrap() error { return e.error }

// persist tries until it works, until that is without hope, or until ctx ends. A try that moved bytes makes
// the next waits short again.
func (c *Client) persist(ctx context.Context, try func(context.Context) (moved bool, err error)) error {
	var last error
	for failures := 0; ; failures++ {
		moved, err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return endedAfter(ctx, last)
		}
		if moved {
			failures = 0
		}
		wait, final := judge(err, failures)
		if final != nil {
			return final
		}
		last = err
		c.cfg.Logger.Debug("transfer broke off", "error", err)
		if rest(ctx, max(wait, backoff(failures, c.cfg.Random()))) != nil {
			return endedAfter(ctx, last)
		}
	}
}

// endedAfter is why ctx ended, with what went wrong before.
func endedAfter(ctx context.Context, last error) error {
	if last == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w after %w", ctx.Err(), last)
}

// judge answers how long the server wants to be left alone, or the error that ends a transfer.
func judge(err error, failures int) (wait time.Duration, final error) {
	if own, ok := errors.AsType[ownError](err); ok {
		return 0, own.error
	}
	refused, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return 0, nil // of the network
	}
	var info *errdetails.ErrorInfo
	for _, detail := range refused.Details() {
		value, err := detail.Value()
		if err != nil {
			continue
		}
		switch v := value.(type) {
		case *errdetails.ErrorInfo:
			info = v
		case *errdetails.RetryInfo:
			wait = v.GetRetryDelay().AsDuration()
		}
	}
	if passes(refused.Code(), info, failures) {
		return wait, nil
	}
	reason := info.GetReason()
	if reason == "" {
		reason = strings.ToUpper(refused.Code().String())
	}
	return 0, &FileError{Reason: reason, Metadata: info.GetMetadata(), err: err}
}

// passes tells whether another try may have another answer.
func passes(code connect.Code, info *errdetails.ErrorInfo, failures int) bool {
	switch info.GetReason() {
	case "UPLOAD_INCOMPLETE", "RATE_LIMITED", "OVERLOADED", "LINK_EXPIRED":
		return true
	}
	switch code {
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeAborted, connect.CodeCanceled:
		return true
	case connect.CodeInternal, connect.CodeUnknown:
		return info == nil || failures < maxInternal
	default:
		return false
	}
}

// patience ends a request in which nothing moves. The time of the caller's own reader or writer does not count.
type patience struct {
	timer *time.Timer
	end   context.CancelCauseFunc
}

// patiently is ctx with patience.
func patiently(ctx context.Context) (context.Context, *patience) {
	ctx, end := context.WithCancelCause(ctx)
	return ctx, &patience{time.AfterFunc(stallWait, func() { end(errStalled) }), end}
}

func (p *patience) count() { p.timer.Reset(stallWait) }
func (p *patience) rest()  { p.timer.Stop() }

func (p *patience) stop() {
	p.timer.Stop()
	p.end(nil)
}

// exchange sends a request for bytes: to the base address in use if its address is a path, and with the token
// unless it is one of the store.
func (c *Client) exchange(r *http.Request, foreign bool) (*http.Response, error) {
	base, way := "", http.RoundTripper(c.rpc.outside)
	if r.URL.Host == "" {
		base, way = c.gates.current(), c.rpc.gate
	}
	if !foreign {
		r.Header.Set("Authorization", "Bearer "+c.currentToken())
	}
	r.Header.Set("Accept-Encoding", "identity") // ranges count bytes as they are
	answer, err := way.RoundTrip(r)
	if err != nil && errors.Is(context.Cause(r.Context()), errStalled) {
		c.gates.failed(base)
		return nil, errStalled
	}
	return answer, err
}

// refusalOf reads an answer that is no bytes: an error of Parley, or of what stands in between.
func refusalOf(answer *http.Response) error {
	var said struct {
		Code    connect.Code `json:"code"`
		Message string       `json:"message"`
		Details []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"details"`
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &said); err != nil || said.Code == 0 {
		code := connect.CodeUnavailable
		if answer.StatusCode == http.StatusRequestEntityTooLarge {
			code = connect.CodeResourceExhausted
		}
		return connect.NewError(code, fmt.Errorf("HTTP %d", answer.StatusCode))
	}
	refused := connect.NewError(said.Code, errors.New(said.Message))
	for _, d := range said.Details {
		var message proto.Message
		switch d.Type {
		case "google.rpc.ErrorInfo":
			message = &errdetails.ErrorInfo{}
		case "google.rpc.RetryInfo":
			message = &errdetails.RetryInfo{}
		default:
			continue
		}
		value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(d.Value, "="))
		if err != nil || proto.Unmarshal(value, message) != nil {
			continue
		}
		if detail, err := connect.NewErrorDetail(message); err == nil {
			refused.AddDetail(detail)
		}
	}
	return refused
}
