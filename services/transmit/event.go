// SPDX-License-Identifier: Apache-2.0

package transmit

import "github.com/parley-chat/parley/services/internal/ids"

// Class says what a gateway may drop under load.
type Class int

// The classes.
const (
	// Durable is never dropped silently.
	Durable Class = iota + 1
	// Marker may give way to a later one of the same reader.
	Marker
)

// Notice is what recipients get: a frame and what a gateway must know without decoding it.
type Notice struct {
	// Frame is an encoded server frame, shared by all deliveries; nobody changes it.
	Frame []byte
	// Class of the frame.
	Class Class
	// Conversation that moved; the zero id if none did.
	Conversation ids.ConversationID
	// Seq is the last position of Conversation, 0 if unknown.
	Seq int64
	// MembersRev is the membership version of Conversation, 0 if unknown.
	MembersRev int64
	// Rev is the number of the last change to a message of Conversation, 0 if unknown.
	Rev int64
	// Recheck is a user whose presence others may see more or less than before; the zero id if there is none.
	Recheck ids.UserID
}

// Membership is a group at one membership version: a list of members that never changes.
type Membership struct {
	Group ids.ConversationID
	Rev   int64
	// Seq leaves only those who may see this position; 0: all.
	Seq int64
}

// Event is a notice with those who must hear it.
type Event struct {
	Notice

	// Recipients were fixed at the commit.
	Recipients []ids.UserID
	// MembersOf are the members of a group who hear the notice besides; zero if Recipients is the whole
	// list.
	MembersOf Membership
	// FriendsOf is the user who hears the notice together with the friends at the time of delivery; the
	// zero id if Recipients is the whole list.
	FriendsOf ids.UserID
}

// Delivery is a notice for users of one pod.
type Delivery struct {
	Notice

	// Users whose sessions get the frame; at most 10,000. Nobody changes the list.
	Users []ids.UserID
}
