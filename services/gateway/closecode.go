// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"time"
)

// CloseCode is a WebSocket close code. The range tells the client what to do, so that an old client
// can handle a new code.
type CloseCode uint16

// The close codes that a session ends with. Values and meaning are those of the frame contract.
const (
	CloseNormal             CloseCode = 1000 // the client wished it
	CloseMoved              CloseCode = 4000 // the session was moved
	CloseSlow               CloseCode = 4001 // the socket was not writable for too long
	CloseDrainForced        CloseCode = 4002 // the pod went away before the session had moved
	CloseSilent             CloseCode = 4003 // no life sign
	CloseInternal           CloseCode = 4004 // a fault of the server
	CloseCursorInvalid      CloseCode = 4100 // the cursor is not usable
	CloseStateLost          CloseCode = 4101 // the server cannot say what was missed
	CloseOverloaded         CloseCode = 4200 // too busy, or the home pod is silent
	CloseResumeLimit        CloseCode = 4201 // too many resume at once
	CloseRateLimited        CloseCode = 4202 // too many frames
	CloseMaintenance        CloseCode = 4203 // nobody is left to take the session
	CloseAuthTimeout        CloseCode = 4300 // no auth frame in time
	CloseSessionRevoked     CloseCode = 4301 // the login session was ended
	CloseSessionExpired     CloseCode = 4302 // the login session expired
	CloseSuspended          CloseCode = 4303 // the account is suspended
	CloseAccountDeleted     CloseCode = 4304 // the account was deleted
	CloseAuthFailed         CloseCode = 4305 // the token was refused
	CloseReplaced           CloseCode = 4306 // a newer login of this device
	CloseBadFrame           CloseCode = 4400 // not a frame
	CloseFrameTooBig        CloseCode = 4401 // the frame is too big
	CloseClientTooOld       CloseCode = 4402 // the protocol version is not spoken here
	CloseProtocolOrder      CloseCode = 4403 // a frame that may not come now
	CloseTooManyConnections CloseCode = 4404 // too many connections of one user
	CloseSuperseded         CloseCode = 4409 // a newer connection of this instance
)

// Rule is what a client does after a close.
type Rule int

// The rules.
const (
	RuleNone   Rule = iota // nothing: the client closed by itself
	RuleResume             // reconnect with back-off and the same cursor
	RuleSync               // reconnect and resume with an empty cursor
	RuleWait               // reconnect after the given delay plus jitter
	RuleLogin              // stop, ask the user to sign in
	RuleStop               // stop, show why
)

// Rule of a code. Codes that nobody knows follow their range.
func (c CloseCode) Rule() Rule {
	switch {
	case c == 1000:
		return RuleNone
	case c == 1013, c >= 4200 && c < 4300:
		return RuleWait
	case c >= 1002 && c <= 1003, c >= 1007 && c <= 1010, c >= 4400 && c < 4500:
		return RuleStop
	case c >= 4100 && c < 4200:
		return RuleSync
	case c >= 4300 && c < 4400:
		return RuleLogin
	default:
		return RuleResume
	}
}

// Name of the code, as it stands first in the close reason; empty for codes of the WebSocket standard.
func (c CloseCode) Name() string {
	switch c {
	case CloseMoved:
		return "MOVED"
	case CloseSlow:
		return "SLOW"
	case CloseDrainForced:
		return "DRAIN_FORCED"
	case CloseSilent:
		return "SILENT"
	case CloseInternal:
		return "INTERNAL"
	case CloseCursorInvalid:
		return "CURSOR_INVALID"
	case CloseStateLost:
		return "STATE_LOST"
	case CloseOverloaded:
		return "OVERLOADED"
	case CloseResumeLimit:
		return "RESUME_LIMIT"
	case CloseRateLimited:
		return "RATE_LIMITED"
	case CloseMaintenance:
		return "MAINTENANCE"
	default:
		return c.finalName()
	}
}

// finalName covers the codes after which a client does not come back by itself.
func (c CloseCode) finalName() string {
	switch c {
	case CloseAuthTimeout:
		return "AUTH_TIMEOUT"
	case CloseSessionRevoked:
		return "SESSION_REVOKED"
	case CloseSessionExpired:
		return "SESSION_EXPIRED"
	case CloseSuspended:
		return "SUSPENDED"
	case CloseAccountDeleted:
		return "ACCOUNT_DELETED"
	case CloseAuthFailed:
		return "AUTH_FAILED"
	case CloseReplaced:
		return "REPLACED"
	case CloseBadFrame:
		return "BAD_FRAME"
	case CloseFrameTooBig:
		return "FRAME_TOO_BIG"
	case CloseClientTooOld:
		return "CLIENT_TOO_OLD"
	case CloseProtocolOrder:
		return "PROTOCOL_ORDER"
	case CloseTooManyConnections:
		return "TOO_MANY_CONNECTIONS"
	case CloseSuperseded:
		return "SUPERSEDED"
	default:
		return ""
	}
}

// Pace is a delay for clients that come back; the random part keeps them from coming at once.
type Pace struct {
	After  time.Duration
	Jitter time.Duration
}

// Reason is the text of a close frame: the name, and with a pace "NAME;after=5000;jitter=30000" in ms.
func (c CloseCode) Reason(p Pace) string {
	if p == (Pace{}) {
		return c.Name()
	}
	return fmt.Sprintf("%s;after=%d;jitter=%d", c.Name(), p.After.Milliseconds(), p.Jitter.Milliseconds())
}

// code under which sessions of an ended login close.
func (r EndReason) code() CloseCode {
	switch r {
	case EndReplaced:
		return CloseReplaced
	case EndExpired:
		return CloseSessionExpired
	case EndSuspended:
		return CloseSuspended
	case EndDeleted:
		return CloseAccountDeleted
	default:
		return CloseSessionRevoked
	}
}
