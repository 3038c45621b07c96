// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Format is how frames are written on one connection.
type Format int

// The formats; each is a subprotocol.
const (
	FormatProto Format = iota // binary protobuf
	FormatJSON                // proto3 JSON in text messages
	formatCount
)

// ClientFrame is one frame of a client. Kind is an Auth, Resume, Outgoing, Ack, Read, Typing, Ping or
// Watch, or nil if the kind is not known here.
type ClientFrame struct {
	ID   int64 // 0: no answer is wanted
	Kind any
}

// Auth opens a session, or swaps its token.
type Auth struct {
	Token     string
	Device    ids.DeviceID
	Instance  ids.InstanceID
	Protocol  int32
	LastEpoch int64 // session epoch of the instance's last connection, 0 if there was none
}

// Resume asks what moved since a cursor.
type Resume struct{ Cursor string }

// Ack says what a device has stored; it is not kept.
type Ack struct{}

// Read moves the own read marker.
type Read struct {
	Conversation ids.ConversationID
	Seq          int64
}

// Typing tells that somebody types. User is set by the server only; State is the contract's number.
type Typing struct {
	Conversation ids.ConversationID
	User         ids.UserID
	State        int32
}

// Ping is a life sign; with a cursor it asks for moved heads.
type Ping struct {
	Cursor string
	Active bool // a person used the client in the last minutes
}

// Watch names whose presence the session follows from now on.
type Watch struct{ Users []ids.UserID }

// Bodies of server frames. A Delivery's frame is a Raw; Heads (resumed), Sent and Typing are bodies too.
type (
	// Welcome opens the stream of live frames.
	Welcome struct {
		Session       ids.SessionID
		User          ids.UserID
		Epoch         int64
		ServerTime    int64 // ms
		PingMS        int64
		FrameBytes    int
		SendsInFlight int
	}
	// Pong answers a ping from memory; only seq, rev and members_rev of its heads are set.
	Pong struct {
		ServerTime int64 // ms
		Complete   bool
		Heads      []Head
		Cursor     string
	}
	// Presences tells how people are whom the session watches.
	Presences struct{ Items []Presence }
	// Resync asks the client to pull; a zero Conversation means: ping with the cursor.
	Resync struct {
		Conversation ids.ConversationID
		FromSeq      int64 // 0 if unknown
		Reason       ResyncReason
	}
	// Reconnect announces a planned move.
	Reconnect struct {
		AfterMS, JitterMS, DeadlineMS int64
		Reason                        string
	}
	// Refusal refuses a frame, or says why the connection closes.
	Refusal struct {
		Reason       string
		Retry        Retry
		RetryAfterMS int64
		Metadata     map[string]string
	}
	// Raw is a serialized server frame of the contract, as it came from another component.
	Raw []byte
)

// ResyncReason says why frames are missing.
type ResyncReason int

// The reasons.
const (
	ResyncOverflow    ResyncReason = iota // the session's queue was full
	ResyncBrokerLost                      // envelopes may have been lost
	ResyncHomeChanged                     // the user's home pod changed
	resyncReasons
)

// Retry tells a client what to do after a refusal.
type Retry int

// The classes.
const (
	RetryNever  Retry = iota // final
	RetryAfter               // after a delay
	RetrySameID              // the outcome is unknown: the same frame again
	RetryLogin               // sign in first
)

// Class says what may be dropped under load.
type Class int

// The classes.
const (
	ClassControl   Class = iota // answers and notices of this session; bounded by what a client may ask
	ClassDurable                // overflow turns into resync
	ClassMarker                 // only the latest of one user and conversation counts
	ClassEphemeral              // dropped first
)

// Delivery is one event for the sessions of some users.
type Delivery struct {
	Frame        []byte // serialized server frame
	Class        Class
	Users        []ids.UserID
	Except       ids.SessionID      // session that does not get it; zero: none
	Conversation ids.ConversationID // the conversation that moved; zero: none
	Seq          int64              // its last position, 0 if unknown; where the marker is, for ClassMarker
	MembersRev   int64              // its membership version, 0 if unknown
	Rev          int64              // number of its last change to a message, 0 if unknown
	Reader       ids.UserID         // whose marker moved, for ClassMarker
	Marked       ids.ConversationID // where it moved, for ClassMarker; a marker moves no head
	Recheck      ids.UserID         // whose presence others may see more or less than before; zero: nobody's
	Presence     Presence           // what the frame tells to the sessions that watch its user, instead of Users; zero: none
}

// encoded is one server frame, written at most once per format and shared by all sessions that get it.
type encoded struct {
	codec Codec
	re    int64
	body  any
	forms [formatCount]struct {
		once sync.Once
		data []byte
		err  error
	}
}

func (e *encoded) bytes(format Format) ([]byte, error) {
	f := &e.forms[format]
	f.once.Do(func() {
		if raw, ok := e.body.(Raw); ok && format == FormatProto && e.re == 0 {
			f.data = raw
			return
		}
		f.data, f.err = e.codec.Encode(format, e.re, e.body)
	})
	return f.data, f.err
}
