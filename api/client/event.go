// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// State of a client.
type State int

// The states.
const (
	SignedOut      State = iota // no token, or it was refused: SetToken, then Run again
	Connecting                  // the socket opens
	Authenticating              // auth was sent
	Resuming                    // heads are awaited
	Syncing                     // connected; what was missed comes in
	Live                        // connected; everything is here
	Moving                      // live, and a second socket opens because the first will go
	Waiting                     // no connection; the next try has a time
	Stopped                     // the server will not have this client: a person must act
)

// String is the name of the state.
func (s State) String() string {
	names := [...]string{
		"signed out", "connecting", "authenticating", "resuming", "syncing", "live", "moving", "waiting", "stopped",
	}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Event is one of the types of this file.
type Event any

// StateChanged tells a new state.
type StateChanged struct{ State State }

// MessagesReceived are messages of one conversation, each exactly once while the client lives, without a
// break above the last ones that were told; the user's own too.
type MessagesReceived struct {
	ConversationID string
	Items          []*messagev1.Message
}

// GapDeclared is a range that the user may not have. It counts as received.
type GapDeclared struct {
	ConversationID string
	Range          Range
	Reason         messagev1.GapReason
}

// HoleRecorded is a range that was left out because too much was missing; Fill closes it.
type HoleRecorded struct {
	ConversationID string
	Range          Range
}

// MessagesChanged is the latest state of messages that changed after they were received.
type MessagesChanged struct {
	ConversationID string
	Items          []*messagev1.Message
}

// ChangesSkipped says that more changed than is worth telling: load again what is shown.
type ChangesSkipped struct{ ConversationID string }

// HeadMoved is what the server says about a conversation, with marker and unread count.
type HeadMoved struct{ Head *messagev1.Head }

// ConversationChanged is a conversation that was created, closed, opened again or listed after a reset.
type ConversationChanged struct{ Conversation *messagev1.Conversation }

// MarkerMoved is a read marker of a peer or of the user.
type MarkerMoved struct{ Marker *eventv1.MarkerMoved }

// TypingChanged tells that somebody types, or no longer.
type TypingChanged struct{ Typing *gatewayv1.Typing }

// PresenceChanged tells how people are whom Watch names. Who is not in it stays as told last, and who was
// never told is not known: show nothing.
type PresenceChanged struct{ Items []*gatewayv1.Presence_Item }

// PeopleChanged is a change of friends, requests or profiles.
type PeopleChanged struct{ Event *eventv1.Event }

// PeopleStale says that changes of people may have been missed: load friends and requests again.
type PeopleStale struct{}

// ContinuityLost says that the server cannot tell what was missed. The conversations follow, each as
// ConversationChanged; unsent messages stay.
type ContinuityLost struct{}

// SendDone says that a message is stored. It is also told as received.
type SendDone struct{ Sent *messagev1.Sent }

// SendFailed says that a message will not be stored; it is not in the outbox any more.
type SendFailed struct {
	Entry Entry
	Err   *SendError
}

// ReasonTooOld is the reason of SendFailed for a message that could not be sent for a day: ask the
// person whether it is still wanted.
const ReasonTooOld = "OUTBOX_TOO_OLD"

// ReasonTooLarge is the reason of SendFailed for a message that does not fit into a frame.
const ReasonTooLarge = "TOO_LARGE"

// reasonFilesUnavailable is why a message with a file waits while texts are stored.
const reasonFilesUnavailable = "FILES_UNAVAILABLE"

// SendError is a final refusal.
type SendError struct {
	Reason   string
	Metadata map[string]string
}

// Error names the reason.
func (e *SendError) Error() string { return "message refused: " + e.Reason }

// StopError says why Run gave up.
type StopError struct {
	// State is SignedOut or Stopped.
	State State
	// Code is the close code, 0 if an RPC told.
	Code int
	// Reason is the name of the code.
	Reason string
}

// Error names state, code and reason.
func (e *StopError) Error() string {
	return fmt.Sprintf("client is %s: close code %d %s", e.State, e.Code, e.Reason)
}
