// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
	"github.com/parley-chat/parley/services/user/nameindex"
	"github.com/parley-chat/parley/services/user/sqlstore"
)

// Indexed is the kind of texts in the index of this service, the end of its name.
const Indexed = "people"

// finder is nil, and not a nil inside an interface, where there is no index.
func finder(index searchindex.Kept) user.Finder {
	if index == nil {
		return nil
	}
	return index
}

// followed is what the index hears of.
func followed(parts Parts, r resources) indexserver.Options {
	return indexserver.Options{
		Broker: parts.Broker, Source: Source(r.db), Now: time.Now, Logger: parts.Logger, Registerer: r.registry,
	}
}

// Source is the nicknames of a database.
func Source(db *sqldb.DB) indexer.Source {
	return nameindex.Source{Names: sqlstore.New(db, events.Encode)}
}

// Collection is the nicknames of all people, for a rebuild.
func Collection() indexserver.Collection {
	return indexserver.Collection{Kind: Indexed, Open: func(db *sqldb.DB) indexserver.Library {
		return nameindex.Source{Names: sqlstore.New(db, events.Encode)}
	}}
}
