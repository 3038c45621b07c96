// SPDX-License-Identifier: Apache-2.0

package indexserver

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// markEvery is how many batches lie between two marks of how far a rebuild is.
const markEvery = 10

// leaveWithin is how long the last mark of one that is ended may take: half of the shortest grace period.
const leaveWithin = 5 * time.Second

// Reasons of a rebuild that failed, beside the classes of a store.
const (
	reasonInterrupted = "Interrupted"
	reasonFailed      = "Failed"
)

// RebuildSettings say which index is filled anew, and from where.
type RebuildSettings struct {
	// MySQLDSN is mysql://user:password@host:port/schema, or sqlite:<absolute file>.
	MySQLDSN secret.String `env:"PARLEY_MYSQL_DSN"`
	// OpsListen serves /statusz, which tells how far it is; empty: nothing listens.
	OpsListen string `env:"PARLEY_OPS_LISTEN"`
	Search    Settings
}

// LoadRebuild reads them from environment variables, as a service sees them, and checks them.
func LoadRebuild(environ map[string]string, name component.Name) (RebuildSettings, error) {
	return process.LoadConfigOf[RebuildSettings](environ, name)
}

// Validate tells all that is wrong.
func (s RebuildSettings) Validate() error {
	problems := []error{s.Search.Validate()}
	if s.MySQLDSN.IsZero() {
		problems = append(problems, errors.New("PARLEY_MYSQL_DSN must name the database of the texts"))
	}
	if s.Search.URL.IsZero() {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_URL must name an Elasticsearch"))
	}
	return errors.Join(problems...)
}

// Library is all documents of a service.
type Library interface {
	indexer.Scanner
	// CountAfter counts the documents after the one with this id in the order of a Scan; all if it is empty.
	CountAfter(ctx context.Context, after string) (int64, error)
}

// Collection is the texts of a service: the end of their index's name, and where they are in its database.
type Collection struct {
	Kind string
	Open func(db *sqldb.DB) Library
}

// Rebuild fills a new index with all documents while the old one serves, changes to it in one step, and removes
// the old one. It goes on where an earlier call ended. told hears how many of how many documents are written, as
// counted when it began. version is what /statusz says of the program.
func Rebuild(ctx context.Context, s RebuildSettings, c Collection, version string, told func(done, total int64)) error {
	var done, total atomic.Int64
	ops := telemetry.NewOps(prometheus.NewRegistry())
	ops.Identify(component.Reindex, version)
	ops.SetReindex(func() component.ReindexStatus {
		return component.ReindexStatus{Done: done.Load(), Total: total.Load()}
	})
	served, err := serveOps(ctx, ops, s.OpsListen)
	if err != nil {
		return err
	}
	db, err := sqldb.Open(sqldb.Config{DSN: s.MySQLDSN})
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), served())
	}
	index, err := s.Search.Elastic(c.Kind)
	if err == nil {
		err = rebuild(ctx, c.Open(db), index, func(now, all int64) {
			total.Store(all)
			done.Store(now)
			told(now, all)
		})
	}
	return errors.Join(err, db.Close(), served())
}

// serveOps serves until the function that it answers is called; without an address it does nothing.
func serveOps(ctx context.Context, ops *telemetry.Ops, address string) (stop func() error, err error) {
	listener, err := process.Listen(ctx, nil, address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", component.EnvOpsListen, err)
	}
	if listener == nil {
		return func() error { return nil }, nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- ops.Serve(ctx, listener) }()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

// RebuildTrouble says in one word why Rebuild failed, as component.ReindexResult has it, and which store was in the
// way.
func RebuildTrouble(err error) (store component.Dependency, reason string) {
	if errors.Is(err, context.Canceled) {
		return "", reasonInterrupted
	}
	for _, known := range []error{searchindex.ErrForbidden, searchindex.ErrCertificate, searchindex.ErrUnfit, searchindex.ErrUnavailable} {
		if errors.Is(err, known) {
			return component.Elasticsearch, string(ClassOf(err))
		}
	}
	if class := sqldb.ClassOf(err); class != component.ClassReachable {
		return component.MySQL, string(class)
	}
	return "", reasonFailed
}

func rebuild(ctx context.Context, from Library, index *elasticindex.Index, told func(done, total int64)) error {
	rebuild, err := index.Rebuild(ctx)
	if err != nil {
		return err
	}
	total, err := from.CountAfter(ctx, "")
	if err != nil {
		return err
	}
	left, err := from.CountAfter(ctx, rebuild.Place)
	if err != nil {
		return err
	}
	done, batches, place := total-left, 0, ""
	told(done, total)
	err = indexer.Fill(ctx, from, rebuild, rebuild.Place, func(b indexer.Batch) error {
		done += int64(b.Read)
		batches++
		told(min(done, total), total) // more were written meanwhile
		if err := b.Err(); err != nil {
			return err // what is missing stays before the mark
		}
		place = b.UpTo
		if batches%markEvery != 0 {
			return nil
		}
		return rebuild.Mark(ctx, place)
	})
	if err != nil {
		return errors.Join(err, leaveMark(ctx, rebuild, place))
	}
	return rebuild.Finish(ctx)
}

// leaveMark of how far a rebuild is that somebody ends: a pod that is evicted, a person who presses Ctrl+C.
func leaveMark(ctx context.Context, rebuild *elasticindex.Rebuild, place string) error {
	if ctx.Err() == nil || place == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	return rebuild.Mark(ctx, place)
}
