// SPDX-License-Identifier: Apache-2.0

package transmit

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/services/internal/ids"
)

// ErrPodGone says that no queue of the pod takes envelopes; nothing was delivered.
var ErrPodGone = errors.New("the gateway pod has no queue")

// ErrBusy says that a bounded side line is full; the event must come again.
var ErrBusy = errors.New("too much work waits on a side line")

// Ring tells where users are at home. It is safe for concurrent use and never blocks.
type Ring interface {
	// View is the ring as this process knows it now.
	View() View
}

// View is one unchanging state of the ring.
type View interface {
	// Epoch differs between views with different members.
	Epoch() uint64
	// Home is the name of the user's home pod; false if the ring is empty.
	Home(user ids.UserID) (pod string, ok bool)
}

// Friends lists the friends of a user.
type Friends interface {
	// FriendIDs lists them in no order. fault.ErrUnavailable if they cannot be had now.
	FriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error)
}

// Groups lists the members of groups.
type Groups interface {
	// Members lists who was a member at a membership version; the caller must not change the list.
	// fault.ErrUnavailable if they cannot be had now.
	Members(ctx context.Context, m Membership) ([]ids.UserID, error)
}

// Courier brings deliveries to gateway pods.
type Courier interface {
	// Deliver takes over one delivery; those for one pod leave in the order of the calls. It blocks while
	// the pod's queue is full. Settled is called exactly once, from any goroutine, and must not block:
	// with nil after the broker's confirm, ErrPodGone if no queue took it, another error if the outcome is
	// unknown or ctx ended first.
	Deliver(ctx context.Context, pod string, d Delivery, settled func(error))
}
