// SPDX-License-Identifier: Apache-2.0

package ledger

import "time"

// Kind of a journal line.
type Kind string

// The kinds that clients write.
const (
	// Send is a message: a line before the call and one after it.
	Send Kind = "send"
	// Deliver is a message that a device shows, after its client has removed doubles.
	Deliver Kind = "deliver"
	// History is a read of messages From..Until of a conversation, with what it held.
	History Kind = "history"
	// MarkRead is a read marker that moved to Seq.
	MarkRead Kind = "mark_read"
	// Join says that Client is a member of Conv and sees what follows Seq.
	Join Kind = "join"
	// Leave says that Client sees nothing of Conv above Seq.
	Leave Kind = "leave"
	// Connect is an authenticated connection of a device, with its session epoch.
	Connect Kind = "connect"
	// FaultOn and FaultOff frame what the run did to the system; Code names it.
	FaultOn  Kind = "fault_on"
	FaultOff Kind = "fault_off"
)

// Outcome of a call, empty on the line before it.
type Outcome string

// The outcomes.
const (
	// OK is an acknowledgement.
	OK Outcome = "ok"
	// Fail is a definite refusal: the call had no effect.
	Fail Outcome = "fail"
	// Unknown may have had an effect, or may still have one until the end of the run.
	Unknown Outcome = "unknown"
)

// Event is one line of the journal. Unused fields are zero.
type Event struct {
	Run    string `json:"run,omitempty"`
	Seed   int64  `json:"seed,omitempty"`
	N      int64  `json:"n"`                // number of the message within the run, from 1
	Client string `json:"client,omitempty"` // user
	Device string `json:"device,omitempty"`
	Op     int64  `json:"op,omitempty"` // pairs the two lines of a call within a device
	Kind   Kind   `json:"kind"`
	Conv   string `json:"conv,omitempty"`
	CMID   string `json:"cmid,omitempty"` // client message id
	Marker string `json:"marker,omitempty"`

	// Monotonic microseconds of one host since the start of the run.
	CallAt   int64 `json:"t_call,omitempty"`
	ReturnAt int64 `json:"t_ret,omitempty"`

	Outcome Outcome `json:"outcome,omitempty"`
	Code    string  `json:"code,omitempty"`
	Msg     string  `json:"msg,omitempty"`
	Seq     int64   `json:"seq,omitempty"`
	Sender  string  `json:"sender,omitempty"`

	// Connection of a device; 0 if the client does not tell.
	Pod   string `json:"pod,omitempty"`
	Epoch int64  `json:"epoch,omitempty"`

	// Of a History line: the range that was asked, inclusive, the head, and the items in seq order. Final
	// marks the read after heal, one for each conversation, that everything is judged by.
	From  int64  `json:"from,omitempty"`
	Until int64  `json:"until,omitempty"`
	Head  int64  `json:"head,omitempty"`
	Final bool   `json:"final,omitempty"`
	Items []Item `json:"items,omitempty"`
}

// Item is one message of a history read.
type Item struct {
	Seq    int64  `json:"seq"`
	Msg    string `json:"msg"`
	CMID   string `json:"cmid"`
	Sender string `json:"sender"`
	Marker string `json:"marker"`
	Rev    int64  `json:"rev,omitempty"`
	System bool   `json:"system,omitempty"` // said by the server
}

// Clock gives the times of a journal: monotonic microseconds since it was made.
type Clock struct {
	start time.Time
	now   func() time.Time
}

// NewClock starts a clock; now carries a monotonic reading.
func NewClock(now func() time.Time) Clock { return Clock{start: now(), now: now} }

// Now is the time of the journal.
func (c Clock) Now() int64 { return c.now().Sub(c.start).Microseconds() }
