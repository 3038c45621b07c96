// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"time"
)

// The exchanges of the product. A message to any other is refused.
const (
	// EventsExchange is a topic exchange: committed events, by the key of their type.
	EventsExchange = "parley.events"
	// DeliverExchange is a direct exchange: envelopes, by the name of a gateway pod.
	DeliverExchange = "parley.deliver"
)

// DeadSuffix follows the name of a durable queue in the name of its dead-letter queue, which may itself
// be subscribed to.
const DeadSuffix = ".dead"

// PublishTimeout bounds a publish whose caller gave no earlier deadline.
const PublishTimeout = 5 * time.Second

// MaxDead is how many dead letters of a bounded queue are kept; chosen, no evidence.
const MaxDead = 10_000

// Defaults and bounds of a subscription.
const (
	DefaultPrefetch = 300      // 100 to 300 is the useful range, measured by the vendor
	MaxPrefetch     = 2000     // quorum queues allow no more
	DefaultMaxBytes = 16 << 20 // of an exclusive queue; chosen, no evidence
	DefaultTTL      = 30 * time.Second
)

// Pauses before a delivery that asked for Retry comes again, growing while nothing is acknowledged.
const (
	MinRetryPause = 200 * time.Millisecond
	MaxRetryPause = 5 * time.Second
)

var (
	// ErrUnroutable says that no queue is bound for the message, so that nobody holds it. It is not in
	// doubt: no consumer will see it.
	ErrUnroutable = errors.New("no queue is bound for the message")
	// ErrClosed says that the broker was closed.
	ErrClosed = errors.New("broker is closed")
	// ErrInvalid says that a message or subscription can never work: unknown exchange, missing name.
	ErrInvalid = errors.New("message or subscription is not valid")
)

// Message to publish.
type Message struct {
	Exchange, RoutingKey string
	Body                 []byte        // not to be changed afterwards, even if Publish fails
	Persistent           bool          // survives a restart of the broker
	TTL                  time.Duration // 0: as long as the queue allows; whole milliseconds
}

// Publisher hands messages to the broker. Calls from many goroutines share the way there.
type Publisher interface {
	// Publish returns nil after the broker's confirm that a queue holds the message. ErrUnroutable says
	// that none does; after fault.ErrUnavailable, or the caller's own context error, the outcome is
	// unknown. It waits at most PublishTimeout, also for a broker that is away. A message may be
	// published twice.
	Publish(ctx context.Context, m Message) error
}

// Subscription says what to consume.
type Subscription struct {
	// Queue is the name of a durable queue, shared by all that subscribe to it. Empty: a queue of this
	// subscription alone, which goes with its connection.
	Queue string
	// Name is the prefix of the name of an exclusive queue.
	Name string
	// Exchange and RoutingKeys bind the queue; "*" stands for a word and "#" for any number of words on
	// the topic exchange. An empty Exchange binds nothing.
	Exchange    string
	RoutingKeys []string
	// Prefetch is how many deliveries may wait for Ack; 0 means DefaultPrefetch.
	Prefetch int
	// MaxLength bounds a durable queue for a consumer that can do without: when as many messages wait, the
	// oldest go; the last MaxDead of them, and of what was rejected, may be kept as dead letters. 0: the
	// queue is as long as the disk allows, and refuses new messages rather than drop old ones. Whoever
	// subscribes to a queue, or to its dead-letter queue, names the same bound.
	MaxLength int
	// Length is told how many messages wait in a durable queue: when it is declared, so before anything
	// comes through it, and every few seconds. It must return at once. May be nil.
	Length func(ready int)
	// Anew is called before a durable queue is made that is not there, or that somebody deleted: nothing that was
	// published until then will come through it. It is not made before Anew has returned nil; after an error it is
	// called again. It may wait, until ctx ends. A queue of this name that was made with other arguments, and that
	// nobody consumes any more, is deleted with what waits in it, and made anew. Nil: such a queue is made without
	// a word, and one with other arguments is never consumed.
	Anew func(ctx context.Context) error
	// MaxBytes and TTL bound an exclusive queue, whose oldest messages go first; 0 means the default.
	MaxBytes int64
	TTL      time.Duration
	// Bound is called after each bind, before the first delivery that comes through it; what was published
	// earlier may be missing from an exclusive queue. It must return soon. May be nil.
	Bound func(ctx context.Context)
	// Lost is called when the connection, and with it an exclusive queue, is gone. May be nil.
	Lost func()
}

// Subscriber consumes.
type Subscriber interface {
	// Subscribe calls handle for each delivery, in order and one at a time, until ctx ends; then it
	// returns nil. It reconnects, declares and binds by itself. Handle may keep a delivery and settle it
	// later; what is not settled when the connection goes comes again. It returns ErrInvalid or ErrClosed
	// only.
	Subscribe(ctx context.Context, s Subscription, handle func(ctx context.Context, d *Delivery)) error
}

// Retirer removes what subscribers have left behind.
type Retirer interface {
	// Retire deletes a durable queue that nobody consumes, with all that waits in it, and its dead-letter queue if
	// that is empty. Gone tells that there is no such queue; false without an error: somebody consumes it. A
	// subscriber that comes meanwhile makes the queue anew.
	Retire(ctx context.Context, queue string) (gone bool, err error)
}

// Broker is all of them, with its life.
type Broker interface {
	Publisher
	Subscriber
	Retirer
	// Connected tells whether publishing and all subscriptions work now.
	Connected() bool
	// Close ends all; subscriptions return ErrClosed. It waits for them.
	Close() error
}
