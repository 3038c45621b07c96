// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// Indexed is the kind of texts in the index of this service, the end of its name.
const Indexed = "messages"

// finder is nil, and not a nil inside an interface, where there is no index.
func finder(index searchindex.Kept) message.Finder {
	if index == nil {
		return nil
	}
	return index
}

// followed is what the index hears of.
func followed(store message.Store, parts Parts, registry prometheus.Registerer) indexserver.Options {
	return indexserver.Options{
		Broker: parts.Broker, Source: messageindex.Source{Store: store}, Now: time.Now, Logger: parts.Logger, Registerer: registry,
	}
}

// Source is the messages of a database.
func Source(db *sqldb.DB) indexer.Source { return messageindex.Source{Store: sqlstore.New(db)} }

// Collection is all messages, for a rebuild.
func Collection() indexserver.Collection {
	return indexserver.Collection{Kind: Indexed, Open: func(db *sqldb.DB) indexserver.Library {
		store := sqlstore.New(db)
		return library{messageindex.Source{Store: store}, store}
	}}
}

// library is all messages of a store.
type library struct {
	messageindex.Source

	store *sqlstore.Store
}

// CountAfter implements indexserver.Library.
func (l library) CountAfter(ctx context.Context, after string) (int64, error) {
	place, ok := message.ParsePlace(after)
	if after != "" && !ok {
		return 0, fmt.Errorf("the place %q kept in the index cannot be read: delete the index behind the alias that ends in -next", after)
	}
	return l.store.CountAfter(ctx, place)
}
