// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/indexer"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// markEvery is how many batches lie between two marks of how far a rebuild is.
const markEvery = 10

// ReindexConfig says which index is filled anew, and from where.
type ReindexConfig struct {
	// MySQLDSN is mysql://user:password@host:port/schema, or sqlite:<absolute file>.
	MySQLDSN secret.String `env:"PARLEY_MYSQL_DSN"`
	Search   SearchConfig
}

// LoadReindex reads it from environment variables and checks it.
func LoadReindex(environ map[string]string) (ReindexConfig, error) {
	return process.LoadConfigOf[ReindexConfig](environ, component.Message)
}

// Validate tells all that is wrong.
func (c ReindexConfig) Validate() error {
	problems := []error{c.Search.Validate()}
	if c.MySQLDSN.IsZero() {
		problems = append(problems, errors.New("PARLEY_MYSQL_DSN must name the database of message"))
	}
	if c.Search.URL.IsZero() {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_URL must name an Elasticsearch"))
	}
	return errors.Join(problems...)
}

// Reindex fills a new index with all messages while the old one serves, changes to it in one step, and
// removes the old one. It goes on where an earlier call ended. told hears how many of how many messages are
// written, as counted when it began.
func Reindex(ctx context.Context, cfg ReindexConfig, told func(done, total int64)) error {
	db, err := sqldb.Open(sqldb.Config{DSN: cfg.MySQLDSN})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	index, err := cfg.Search.Elastic()
	if err == nil {
		err = reindex(ctx, sqlstore.New(db), index, told)
	}
	return errors.Join(err, db.Close())
}

func reindex(ctx context.Context, store *sqlstore.Store, index *elasticindex.Index, told func(done, total int64)) error {
	rebuild, err := index.Rebuild(ctx)
	if err != nil {
		return err
	}
	after, ok := message.ParsePlace(rebuild.Place)
	if rebuild.Place != "" && !ok {
		return fmt.Errorf("the place %q kept in the index cannot be read: delete the index behind the alias that ends in -next", rebuild.Place)
	}
	total, err := store.CountAfter(ctx, message.Place{})
	if err != nil {
		return err
	}
	left, err := store.CountAfter(ctx, after)
	if err != nil {
		return err
	}
	done, batches := total-left, 0
	told(done, total)
	err = indexer.Fill(ctx, store, rebuild, after, func(upTo message.Place, n int) error {
		done += int64(n)
		batches++
		told(min(done, total), total) // more were written meanwhile
		if batches%markEvery != 0 {
			return nil
		}
		return rebuild.Mark(ctx, message.PlaceID(upTo.Conversation, upTo.Seq))
	})
	if err != nil {
		return err
	}
	return rebuild.Finish(ctx)
}
