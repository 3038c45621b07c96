// SPDX-License-Identifier: Apache-2.0

// Package fault is the vocabulary of errors that may reach a client.
//
// A package declares its sentinels with New and returns them, wrapped with %w for context. One
// interceptor in rpcserver turns the kind into a Connect code and the reason into an ErrorInfo. An
// error without a fault in its chain is internal: clients see a fixed text.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind says what a caller can do about an error.
type Kind int

// The closed list of kinds, each with its Connect code.
const (
	Internal        Kind = iota // internal: unknown; never declared as a sentinel
	Invalid                     // invalid_argument: the request is wrong in itself
	Unauthenticated             // unauthenticated: no valid caller
	Denied                      // permission_denied: may know of it, but not do this
	NotFound                    // not_found: absent, or the caller may not know
	Exists                      // already_exists: same id, other payload
	Conflict                    // aborted: lost a race, repeat the whole operation
	Precondition                // failed_precondition: right request, wrong state
	Exhausted                   // resource_exhausted: quota, rate or admission
	Unavailable                 // unavailable: a dependency is down; the outcome may be unknown
)

// Error is a sentinel, or a copy of one with facts added. Two are the same for errors.Is if their
// reasons are equal.
type Error struct {
	kind       Kind
	reason     string
	text       string
	metadata   map[string]string
	retryAfter time.Duration
	cause      error
}

// New makes a sentinel. Reason is UPPER_SNAKE and unique in the product; text is for developers, in
// lower case, and must not hold anything about the caller or the server.
func New(kind Kind, reason, text string) *Error {
	return &Error{kind: kind, reason: reason, text: text}
}

// With returns a copy that carries one more fact for the client. Values must be safe to show.
func (e *Error) With(key, value string) *Error {
	c := *e
	c.metadata = maps.Clone(e.metadata)
	if c.metadata == nil {
		c.metadata = map[string]string{}
	}
	c.metadata[key] = value
	return &c
}

// After returns a copy that tells when a retry makes sense.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.retryAfter = d
	return &c
}

// Because returns a copy that wraps cause for logs; a client never sees the cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error is the text for logs, with the cause if there is one.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.text, e.cause)
	}
	return e.text
}

// Is compares by reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.reason == e.reason
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.cause }

// Kind of the error.
func (e *Error) Kind() Kind { return e.kind }

// Reason of the error, for ErrorInfo.
func (e *Error) Reason() string { return e.reason }

// Text is what a client may read; it never holds the cause.
func (e *Error) Text() string { return e.text }

// Metadata are facts for the client; the caller must not change the map.
func (e *Error) Metadata() map[string]string { return e.metadata }

// RetryAfter is zero where no time is known.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// Of finds the fault in a chain.
func Of(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf is the kind of an error's fault, Internal without one.
func KindOf(err error) Kind {
	if e, ok := Of(err); ok {
		return e.kind
	}
	return Internal
}

// Sentinels that every service uses.
var (
	// ErrUnavailable says that a dependency does not answer. The outcome of a write is unknown: repeat
	// it with the same id.
	ErrUnavailable = New(Unavailable, "UNAVAILABLE", "a part of the service is not available, try again")
	// ErrInvalid says that a field breaks a rule; metadata "field" and "rule" say which.
	ErrInvalid = New(Invalid, "CONTENT_INVALID", "a field of the request is not valid")
	// ErrPageToken says that a page token is not one of ours, or belongs to another list or caller.
	ErrPageToken = New(Invalid, "PAGE_TOKEN_INVALID", "the page token is not valid, start from the first page")
	// ErrUnauthenticated says that the call needs a valid token.
	ErrUnauthenticated = New(Unauthenticated, "UNAUTHENTICATED", "sign in first")
	// ErrForbidden says that the caller may not call this method.
	ErrForbidden = New(Denied, "FORBIDDEN", "you may not do this")
)

// InvalidField is ErrInvalid with the field and the broken rule.
func InvalidField(field, rule string) *Error {
	return ErrInvalid.With("field", field).With("rule", rule)
}
