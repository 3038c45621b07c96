// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Login is what a token proves: a device may act for a user, until the login session ends.
type Login struct {
	User    ids.UserID
	Session ids.LoginSessionID
	Device  ids.DeviceID
	// Until is when the login session ends by itself, unless it is used until then, ms; 0 if unknown. Nobody tells
	// of that end.
	Until int64
}

// Tokens tells what tokens prove. It is safe for concurrent use.
type Tokens interface {
	// Verify answers what a token proves. fault.Unauthenticated kind if it proves nothing (any more),
	// fault.Unavailable kind if nobody can tell now. After the end of a login session it never proves it
	// again; Hub.EndLogin is called for each end that becomes known.
	Verify(ctx context.Context, token string) (Login, error)
	// ReceiptsHidden tells whether others see nothing of how far the user of a token reads, as it was at most
	// a second ago. It is true where nobody can tell.
	ReceiptsHidden(ctx context.Context, token string) bool
	// Fresh is false while ends of login sessions may have been missed: then nothing is delivered and no
	// call is made for anybody. It answers from memory.
	Fresh() bool
}

// EndReason says why a login session ended.
type EndReason int

// The reasons.
const (
	EndRevoked   EndReason = iota // logged out, or ended from another device
	EndReplaced                   // a newer login of the device took its place
	EndExpired                    // too long unused, or too old
	EndSuspended                  // the account was suspended
	EndDeleted                    // the account was deleted
)

// Head is what the server says about a conversation, as visible to one user.
type Head struct {
	Conversation ids.ConversationID
	Seq          int64 // last position
	Rev          int64 // count of changes to messages
	MembersRev   int64 // membership version
	ReadSeq      int64 // the user's read marker
	Unread       int32 // messages of others above the marker
	Mentions     int32 // those that mention the user
	HiddenRev    int64 // count of messages that the user hid
	Left         bool  // the user is no member any more
}

// Question asks what moved for one user since a cursor; an empty cursor asks for a reset.
type Question struct {
	User   ids.UserID
	Cursor string
}

// Heads answers a question.
type Heads struct {
	Reset    bool   // the cursor is of no use: the client reloads everything
	Complete bool   // false if more heads follow with Cursor
	Heads    []Head // newest activity first
	Cursor   string // stands for "everything up to here was announced"
}

// Sent is a committed message.
type Sent struct {
	ClientMessage ids.ClientMessageID
	Conversation  ids.ConversationID
	Message       ids.MessageID
	Seq           int64
	SentAt        int64 // ms
}

// Outgoing is one message to store.
type Outgoing struct {
	Sender       ids.UserID
	Conversation ids.ConversationID
	Size         int // bytes, for batches
	// Request is the send as the codec decoded it; only the codec and the adapter of Messages know its
	// type.
	Request any
}

// Reading moves the read marker of the login's user.
type Reading struct {
	Login        Login
	Conversation ids.ConversationID
	Seq          int64
	Hidden       bool // from others; the own devices see it
}

// Recipients are the members of a conversation now.
type Recipients struct {
	Users    []ids.UserID // the asked user too
	ReadOnly bool         // nobody can send now
}

// Messages is the message service. Errors are faults; fault.Unavailable kind means that the outcome is
// unknown. It is safe for concurrent use.
type Messages interface {
	// Send stores one message; done is called exactly once, from any goroutine, and must not block. Sends
	// to one conversation are stored in the order of the calls. It never blocks: what does not fit into
	// the lane is answered with fault.Exhausted kind.
	Send(o Outgoing, done func(Sent, error))
	// Sync answers one question; concurrent questions share a call.
	Sync(ctx context.Context, q Question) (Heads, error)
	// SyncAll answers up to 1,000 questions in one call, each in its place.
	SyncAll(ctx context.Context, qs []Question) ([]Heads, error)
	// MarkRead moves the read marker of a user.
	MarkRead(ctx context.Context, r Reading) error
	// Recipients lists the members of a conversation for one of them, else fault.NotFound kind.
	Recipients(ctx context.Context, conversation ids.ConversationID, user ids.UserID) (Recipients, error)
}

// People tells who may see whose presence. It is safe for concurrent use.
type People interface {
	// VisibleTo picks those of up to 200 users whose presence the viewer may see now: friends, and who is in
	// a group with the viewer, but nobody who hides or whom a block keeps apart. fault.Unavailable kind if
	// that cannot be told.
	VisibleTo(ctx context.Context, viewer ids.UserID, users []ids.UserID) ([]ids.UserID, error)
}

// Member is a pod of the ring.
type Member struct {
	Seat  uint32
	Pod   string // name, also its routing key
	URL   string // where its internal RPC listens
	Ready bool
}

// View is one unchanging state of the ring.
type View interface {
	// Home is the pod that keeps the user's registry; false in an empty ring.
	Home(user ids.UserID) (Member, bool)
	// IsHome tells whether a pod is the home of some seat, whoever its users are.
	IsHome(pod string) bool
	// Ending are the names of the pods that end, also of those that have left the ring.
	Ending() []string
	// Members are all serving pods; one that is not ready ends. The caller must not change the slice.
	Members() []Member
}

// Ring tells where users are at home. It is safe for concurrent use and never blocks.
type Ring interface {
	// View is the ring as this process knows it now.
	View() View
	// Changed is closed at the next change; ask again afterwards.
	Changed() <-chan struct{}
}

// Homes reaches the registry of other pods.
type Homes interface {
	// Register brings registrations to a home pod; results stand in the places of the items.
	// fault.Unavailable kind if the pod does not answer in time.
	Register(ctx context.Context, home Member, holder string, items []Registration) ([]Registered, error)
	// Watch asks a home pod how users are and what changes for the next while; results stand in the places
	// of the users. fault.Unavailable kind if the pod does not answer in time.
	Watch(ctx context.Context, home Member, holder string, users []ids.UserID) ([]Watched, error)
}

// Courier brings deliveries to other gateway pods. It is safe for concurrent use.
type Courier interface {
	// Send takes over one delivery. It never blocks; a durable delivery that does not fit leaves a hole in
	// the numbers, so that the other pod asks for heads. Those for one pod and of one kind leave in the
	// order of the calls.
	Send(pod string, d Delivery, forwarded bool)
	// Hole makes another pod compare the heads of its sessions, as if something forwarded had been lost. It
	// never blocks.
	Hole(pod string)
}

// Codec turns frames into bytes and back. It is safe for concurrent use.
type Codec interface {
	// Decode reads one client frame and checks its fields. ErrBadFrame if it is no frame at all; a frame
	// whose kind is unknown has a nil Kind; a frame that breaks a rule of its fields comes back with its
	// id and an error of fault.Invalid kind.
	Decode(format Format, data []byte) (ClientFrame, error)
	// Encode writes one server frame; body is never changed afterwards.
	Encode(format Format, re int64, body any) ([]byte, error)
}

// Socket is the connection under a session. Write and Ping are never called at the same time; Close may
// be called at any time, also more than once, and ends a blocked Write.
type Socket interface {
	// Write sends whole messages with as few system calls as possible. An error means that the socket is
	// of no use any more; ErrSlow if it was not writable for too long.
	Write(messages [][]byte) error
	// Ping sends a ping control frame; the answer is reported with Session.Alive. It never blocks for long.
	Ping()
	// Close sends a close frame, as far as that is possible at once, and ends the connection.
	Close(code CloseCode, reason string)
}
