// SPDX-License-Identifier: Apache-2.0

package elasticindex

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// maxRouted is up to how many groups a lookup names its shards; more are asked for in all shards.
const maxRouted = 50

type object = map[string]any

// found is the answer of a search.
type found struct {
	TimedOut bool `json:"timed_out"`
	Shards   struct {
		Failed int `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Hits []struct {
			Sort []json.RawMessage `json:"sort"`
		} `json:"hits"`
	} `json:"hits"`
}

// Find looks documents up.
func (x *Index) Find(ctx context.Context, lookup searchindex.Lookup) ([]searchindex.Hit, error) {
	if err := lookup.Check(); err != nil {
		return nil, err
	}
	request := esapi.SearchRequest{Index: []string{x.options.Name}, Body: body(search(lookup))}
	if n := len(lookup.Groups); n > 0 && n <= maxRouted {
		request.Routing = lookup.Groups
	}
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	var answer found
	if err := x.call(ctx, request, &answer); err != nil {
		return nil, err
	}
	if answer.TimedOut || answer.Shards.Failed > 0 {
		return nil, fmt.Errorf("%w: only a part of it answered", searchindex.ErrUnavailable)
	}
	return answer.hits()
}

func (f found) hits() ([]searchindex.Hit, error) {
	hits := make([]searchindex.Hit, len(f.Hits.Hits))
	for i, h := range f.Hits.Hits {
		var at int64
		if len(h.Sort) != 2 || json.Unmarshal(h.Sort[0], &at) != nil || json.Unmarshal(h.Sort[1], &hits[i].ID) != nil {
			return nil, fmt.Errorf("%w: a hit without its place", searchindex.ErrUnfit)
		}
		hits[i].At = time.UnixMilli(at)
	}
	return hits, nil
}

// search is the body of a search: exact terms in filter context alone, so nothing is scored and nothing
// that a person typed is parsed by the server.
func search(l searchindex.Lookup) object {
	filters := []object{{"term": object{fieldGone: false}}}
	for _, gram := range l.Grams {
		filters = append(filters, object{"term": object{fieldGrams: gram}})
	}
	for _, f := range []struct{ field, value string }{{fieldAuthor, l.Author}, {fieldRefs, l.Ref}} {
		if f.value != "" {
			filters = append(filters, object{"term": object{f.field: f.value}})
		}
	}
	if len(l.Groups) > 0 {
		filters = append(filters, object{"terms": object{fieldGroup: l.Groups}})
	}
	if len(l.Kinds) > 0 {
		filters = append(filters, object{"terms": object{fieldKind: l.Kinds}})
	}
	if span := span(l); len(span) > 0 {
		filters = append(filters, object{"range": object{fieldAt: span}})
	}
	query := object{
		"query": object{"bool": object{"filter": filters}}, "size": l.Limit, "track_total_hits": false, "_source": false,
		"sort": []object{{fieldAt: "desc"}, {fieldID: "desc"}}, "timeout": findTimeout.String(),
	}
	if l.After != nil {
		query["search_after"] = []any{l.After.At.UnixMilli(), l.After.ID}
	}
	return query
}

func span(l searchindex.Lookup) object {
	span := object{}
	if !l.From.IsZero() {
		span["gte"] = l.From.UnixMilli()
	}
	if !l.Until.IsZero() {
		span["lt"] = l.Until.UnixMilli()
	}
	return span
}
