// SPDX-License-Identifier: Apache-2.0

package indexserver

import (
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Keep adds to a group what keeps the index of a kind of texts up to date and whole, and tells of it in the status.
// A nil index is not kept.
func Keep(group *lifecycle.Group, ops *telemetry.Ops, kind string, index searchindex.Kept, o indexer.Options) {
	if index == nil {
		return
	}
	var class atomic.Value // of an index in this process it stays empty
	ops.SetDependency(component.Elasticsearch, func() component.Class {
		latest, _ := class.Load().(component.Class)
		return latest
	})
	o.Index, o.Registerer = index, prometheus.WrapRegistererWith(prometheus.Labels{"kind": kind}, o.Registerer)
	follower := indexer.New(o)
	keeper := indexer.Keeper{Index: index, From: o.Source, Logger: o.Logger, After: follower.Hears(), Follower: follower, Saw: func(err error) {
		if _, embedded := index.(*bleveindex.Index); !embedded {
			class.Store(ClassOf(err))
		}
	}}
	group.Go("search index", keeper.Run)
	group.Go("search events", follower.Run)
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
