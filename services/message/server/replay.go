// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message/indexer"
	"github.com/parley-chat/parley/services/message/sqlstore"
)

// ReplayConfig says where parked events are, and where their messages.
type ReplayConfig struct {
	ReindexConfig
	// AMQPURL is the address of RabbitMQ with vhost.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
}

// LoadReplay reads it from environment variables and checks it.
func LoadReplay(environ map[string]string) (ReplayConfig, error) {
	return process.LoadConfigOf[ReplayConfig](environ, component.Message)
}

// Validate tells all that is wrong.
func (c ReplayConfig) Validate() error {
	problems := []error{c.ReindexConfig.Validate()}
	if c.AMQPURL.IsZero() {
		problems = append(problems, errors.New("PARLEY_RABBITMQ_URL must name a broker"))
	}
	return errors.Join(problems...)
}

// Replay tells of all events that the search index could not take, and writes to it what it takes now.
func Replay(ctx context.Context, cfg ReplayConfig, told func(indexer.Parked)) error {
	index, err := cfg.Search.Elastic()
	if err != nil {
		return err
	}
	if _, err := index.Check(ctx); err != nil {
		return err
	}
	db, err := sqldb.Open(sqldb.Config{DSN: cfg.MySQLDSN})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	events, err := amqpbroker.Open(amqpbroker.Options{URL: cfg.AMQPURL, Name: "reindex", Logger: slog.New(slog.DiscardHandler)}) //nolint:contextcheck // a broker lives apart from its callers
	if err != nil {
		return errors.Join(fmt.Errorf("open broker: %w", err), db.Close())
	}
	replayer := indexer.Replayer{Subscriber: events, Reader: sqlstore.New(db), Index: index, Told: told}
	return errors.Join(replayer.Run(ctx), events.Close(), db.Close())
}
