// SPDX-License-Identifier: Apache-2.0

package indexer

import (
	"context"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Source is a service that owns texts, seen by whoever keeps an index of them.
type Source interface {
	// Queue is the durable queue of its events, which all replicas share.
	Queue() string
	// RoutingKeys are of the events that Decode reads.
	RoutingKeys() []string
	// Decode reads from a batch of events, the body of an AMQP message, which documents may have changed.
	Decode(body []byte) ([]Change, error)
	// Documents reads, as they are now, those documents of the ids that there are.
	Documents(ctx context.Context, ids []string) ([]searchindex.Document, error)
	Scanner
}

// Scanner reads all documents of a service.
type Scanner interface {
	// Scan reads up to limit documents, gone ones too, in a fixed order: after the one with this id; all if it is
	// empty. Fewer than limit, but not none, may come before the end.
	Scan(ctx context.Context, after string, limit int) ([]searchindex.Document, error)
}

// Change says that a document may have changed.
type Change struct {
	ID string
	At int64 // of the commit, ms
}
