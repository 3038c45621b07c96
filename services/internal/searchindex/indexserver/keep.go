// SPDX-License-Identifier: Apache-2.0

package indexserver

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Options of Keep; all are needed.
type Options struct {
	Broker     broker.Broker
	Source     indexer.Source
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Keep adds to a group what keeps the index of a kind of texts up to date and whole, and tells of it in the status.
// Where there is no index, it removes the queue of its events instead.
func Keep(group *lifecycle.Group, ops *telemetry.Ops, kind string, index searchindex.Kept, o Options) {
	if index == nil {
		group.Go("end of search events", o.retire)
		return
	}
	var class atomic.Value // of an index in this process it stays empty
	ops.SetDependency(component.Elasticsearch, func() component.Class {
		latest, _ := class.Load().(component.Class)
		return latest
	})
	embedded, own := index.(*bleveindex.Index)
	if own {
		index = serving{embedded}
	}
	follower := indexer.New(indexer.Options{
		Subscriber: o.Broker, Source: o.Source, Index: index, Now: o.Now, Logger: o.Logger,
		Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"kind": kind}, o.Registerer), Kept: true,
	})
	keeper := indexer.Keeper{Index: index, From: o.Source, Logger: o.Logger, After: follower.Hears(), Follower: follower, Saw: func(err error) {
		if !own {
			class.Store(ClassOf(err))
		}
	}}
	if !own {
		ops.SetIndex(func() *component.IndexStatus { return statusOf(kind, follower.Standing()) })
	}
	group.Go("search index", keeper.Run)
	group.Go("search events", follower.Run)
}

// serving is an index in this process, whose events begin anew with each start: it serves while it is filled, since
// a fill that does not end is begun again.
type serving struct{ *bleveindex.Index }

// Withdraw implements searchindex.Kept.
func (serving) Withdraw(context.Context) error { return nil }

func statusOf(kind string, s *indexer.Standing) *component.IndexStatus {
	if s == nil {
		return nil
	}
	return &component.IndexStatus{Kind: kind, Whole: s.Whole, Cause: component.IndexCause(s.Cause), Written: int64(s.Written)}
}

// ClassOf what is wrong with an index, for the status.
func ClassOf(err error) component.Class {
	switch {
	case err == nil:
		return component.ClassReachable
	case errors.Is(err, searchindex.ErrForbidden):
		return component.ClassAuthFailed
	case errors.Is(err, searchindex.ErrCertificate):
		return component.ClassTLSFailed
	case errors.Is(err, searchindex.ErrUnfit):
		return component.ClassUnfit
	default:
		return component.ClassUnreachable
	}
}
