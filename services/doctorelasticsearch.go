// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	messageserver "github.com/parley-chat/parley/services/message/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// checkElasticsearch asks the server and looks at the indices without changing them; nothing where none is named.
func checkElasticsearch(ctx context.Context, environ map[string]string) []finding {
	if environ[component.EnvElasticsearchURL] == "" {
		return nil
	}
	cfg, err := process.LoadConfigOf[indexserver.Settings](environ, component.Message)
	if err != nil {
		return []finding{bad("Elasticsearch", "no settings", err.Error())}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	findings := []finding{good("Elasticsearch reachable", "yes")}
	for _, owner := range []struct{ kind, name string }{
		{messageserver.Indexed, string(component.Message)}, {userserver.Indexed, string(component.User)},
	} {
		state, problem := checkIndex(ctx, cfg, owner.kind)
		switch {
		case problem != nil:
			return []finding{*problem}
		case state == indexFilling:
			findings = append(findings, bad("index of "+owner.kind, "is being filled, so that search is unavailable",
				"wait; the condition DependenciesReady or the log of "+owner.name+" says why and how far"))
		case state == indexAbsent:
			findings = append(findings, good("index of "+owner.kind, "not there yet, "+owner.name+" makes and fills it"))
		default:
			findings = append(findings, good("index of "+owner.kind, "whole"))
		}
	}
	return findings
}

// States of an index, as doctors see it.
type indexState int

const (
	indexAbsent indexState = iota
	indexFilling
	indexWhole
)

func checkIndex(ctx context.Context, cfg indexserver.Settings, kind string) (state indexState, problem *finding) {
	index, err := cfg.Elastic(kind)
	if err != nil {
		return state, new(bad("Elasticsearch", "no certificates", err.Error()))
	}
	whole, err := index.Check(ctx)
	filling := false
	if err == nil && !whole {
		filling, err = index.Filling(ctx)
	}
	switch {
	case filling:
		return indexFilling, nil
	case whole:
		return indexWhole, nil
	case errors.Is(err, searchindex.ErrForbidden):
		return state, new(bad("Elasticsearch reachable", "refuses us", "correct user and password, or give the user rights on its indices"))
	case errors.Is(err, searchindex.ErrCertificate):
		return state, new(bad("Elasticsearch reachable", "not trusted", "correct ca.crt or PARLEY_ELASTICSEARCH_TLS"))
	case errors.Is(err, searchindex.ErrUnfit):
		return state, new(bad("Elasticsearch fits", "no", "run Elasticsearch 8 or 9, or choose another PARLEY_ELASTICSEARCH_INDEX_PREFIX: the index is foreign"))
	case err != nil:
		return state, new(bad("Elasticsearch reachable", "no", "check that Elasticsearch runs and that host and port are right"))
	}
	return indexAbsent, nil
}
