// SPDX-License-Identifier: Apache-2.0

package indexserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// ReplaySettings say where parked events are, and where their texts.
type ReplaySettings struct {
	RebuildSettings
	// AMQPURL is the address of RabbitMQ with vhost.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
}

// LoadReplay reads them from environment variables, as a service sees them, and checks them.
func LoadReplay(environ map[string]string, name component.Name) (ReplaySettings, error) {
	return process.LoadConfigOf[ReplaySettings](environ, name)
}

// Validate tells all that is wrong.
func (s ReplaySettings) Validate() error {
	problems := []error{s.RebuildSettings.Validate()}
	if s.AMQPURL.IsZero() {
		problems = append(problems, errors.New("PARLEY_RABBITMQ_URL must name a broker"))
	}
	return errors.Join(problems...)
}

// Replay tells of all events that the index of a kind of texts could not take, and writes to it what it takes now.
func Replay(ctx context.Context, s ReplaySettings, kind string, open func(db *sqldb.DB) indexer.Source, told func(indexer.Parked)) error {
	index, err := s.Search.Elastic(kind)
	if err != nil {
		return err
	}
	if _, err := index.Check(ctx); err != nil {
		return err
	}
	db, err := sqldb.Open(sqldb.Config{DSN: s.MySQLDSN})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	events, err := amqpbroker.Open(amqpbroker.Options{URL: s.AMQPURL, Name: "reindex", Logger: slog.New(slog.DiscardHandler)}) //nolint:contextcheck // a broker lives apart from its callers
	if err != nil {
		return errors.Join(fmt.Errorf("open broker: %w", err), db.Close())
	}
	replayer := indexer.Replayer{Subscriber: events, Source: open(db), Index: index, Told: told}
	return errors.Join(replayer.Run(ctx), events.Close(), db.Close())
}
