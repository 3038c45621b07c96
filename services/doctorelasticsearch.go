// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/message/server"
)

// checkElasticsearch asks the server and looks at the index without changing them; nothing where none is named.
func checkElasticsearch(ctx context.Context, environ map[string]string) []finding {
	if environ[component.EnvElasticsearchURL] == "" {
		return nil
	}
	cfg, err := server.LoadSearch(environ)
	if err != nil {
		return []finding{bad("Elasticsearch", "no settings", err.Error())}
	}
	index, err := cfg.Elastic()
	if err != nil {
		return []finding{bad("Elasticsearch", "no certificates", err.Error())}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	whole, err := index.Check(ctx)
	switch {
	case errors.Is(err, searchindex.ErrForbidden):
		return []finding{bad("Elasticsearch reachable", "refuses us", "correct user and password, or give the user rights on its indices")}
	case errors.Is(err, searchindex.ErrCertificate):
		return []finding{bad("Elasticsearch reachable", "not trusted", "correct ca.crt or PARLEY_ELASTICSEARCH_TLS")}
	case errors.Is(err, searchindex.ErrUnfit):
		return []finding{bad("Elasticsearch fits", "no", "run Elasticsearch 8 or 9, or choose another PARLEY_ELASTICSEARCH_INDEX_PREFIX: the index is foreign")}
	case err != nil:
		return []finding{bad("Elasticsearch reachable", "no", "check that Elasticsearch runs and that host and port are right")}
	case !whole:
		return []finding{good("Elasticsearch reachable", "yes"), good("search index", "not there yet, message makes and fills it")}
	default:
		return []finding{good("Elasticsearch reachable", "yes"), good("search index", "whole")}
	}
}
