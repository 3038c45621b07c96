// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"

	"github.com/parley-chat/parley/services/internal/fault"
)

// Refusals that clients see as the reason of an error frame.
var (
	// ErrFrameUnknown says that the kind of a frame is not known here.
	ErrFrameUnknown = fault.New(fault.Invalid, "FRAME_UNKNOWN", "the frame has no known kind")
	// ErrRateLimited says that something came too often.
	ErrRateLimited = fault.New(fault.Exhausted, "RATE_LIMITED", "too many requests, try again later")
	// ErrTooManyInFlight says that too many sends of the session are unanswered.
	ErrTooManyInFlight = fault.New(fault.Exhausted, "TOO_MANY_IN_FLIGHT", "wait for an answer first")
	// ErrOverloaded says that the pod has too much work.
	ErrOverloaded = fault.New(fault.Exhausted, "OVERLOADED", "the server is busy, try again later")
	// ErrSessionEnded says that the login session does not exist any more.
	ErrSessionEnded = fault.New(fault.Unauthenticated, "SESSION_ENDED", "sign in first")
	// ErrNotReady says that a registry cannot be reached now.
	ErrNotReady = fault.New(fault.Unavailable, "UNAVAILABLE", "a part of the service is not available, try again")
)

// Errors between this package and its adapters.
var (
	// ErrBadFrame says that bytes are no frame.
	ErrBadFrame = errors.New("not a frame")
	// ErrSlow says that a socket was not writable for too long.
	ErrSlow = errors.New("socket not writable")
	// ErrDraining says that the pod takes no new sessions.
	ErrDraining = errors.New("draining")
	// ErrFull says that the pod has as many sessions as it may have.
	ErrFull = errors.New("too many sessions")
	// ErrAddressBusy says that one address has too many connections.
	ErrAddressBusy = errors.New("too many connections of one address")
)
