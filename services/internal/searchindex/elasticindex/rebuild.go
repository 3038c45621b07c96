// SPDX-License-Identifier: Apache-2.0

package elasticindex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// nextLook is how long a writer may not know of a generation that is being filled.
const nextLook = 2 * time.Second

// Rebuild is a new generation that is filled while the old one serves. Every Put on the index, in any
// process, writes to both from nextLook after its start on.
type Rebuild struct {
	index *Index
	name  string
	// Place is what Mark kept last; empty for a rebuild that begins.
	Place string
}

func (x *Index) nextAlias() string { return x.options.Name + "-next" }

// Rebuild begins to fill a new generation, or goes on with one that an earlier call began. It returns when
// all writers know of it.
func (x *Index) Rebuild(ctx context.Context) (*Rebuild, error) {
	if _, err := x.Ensure(ctx); err != nil && !errors.Is(err, errOtherShape) {
		return nil, err
	}
	r, err := x.begun(ctx)
	if err != nil {
		return nil, err
	}
	if r == nil {
		name, err := x.begin(ctx)
		if err != nil {
			return nil, err
		}
		r = &Rebuild{index: x, name: name}
	}
	known := time.NewTimer(2 * nextLook)
	defer known.Stop()
	select {
	case <-known.C:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begun answers the generation that an earlier call began, or nil. One of another version's fields is removed.
func (x *Index) begun(ctx context.Context) (*Rebuild, error) {
	next, err := x.behind(ctx, x.nextAlias())
	if err != nil || len(next) == 0 {
		return nil, err
	}
	err = x.ours(ctx, next[:1])
	if errors.Is(err, errOtherShape) {
		return nil, x.call(ctx, esapi.IndicesDeleteRequest{Index: next[:1]}, nil)
	}
	if err != nil {
		return nil, err
	}
	meta, err := x.meta(ctx, next[:1])
	if err != nil {
		return nil, err
	}
	return &Rebuild{index: x, name: next[0], Place: meta[next[0]].Place}, nil
}

// begin makes the generation after the newest one.
func (x *Index) begin(ctx context.Context) (name string, err error) {
	written, err := x.behind(ctx, x.writeAlias())
	if err != nil {
		return "", err
	}
	newest := 0
	for _, name := range written {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, x.options.Name+"-")); err == nil {
			newest = max(newest, n)
		}
	}
	if err := x.make(ctx, newest+1, x.nextAlias()); err != nil {
		return "", err
	}
	return x.generation(newest + 1), nil
}

// Put writes documents to the new generation alone.
func (r *Rebuild) Put(ctx context.Context, documents []searchindex.Document) error {
	return r.index.put(ctx, r.index.nextAlias(), documents)
}

// Mark keeps how far the rebuild is, for whoever goes on with it.
func (r *Rebuild) Mark(ctx context.Context, place string) error {
	meta := object{"_meta": object{"parley": object{"shape": shape, "place": place}}}
	return r.index.call(ctx, esapi.IndicesPutMappingRequest{Index: []string{r.name}, Body: body(meta)}, nil)
}

// Finish lets readers and writers have the new generation, in one step, and removes the old one.
func (r *Rebuild) Finish(ctx context.Context) error {
	x := r.index
	old, err := x.behind(ctx, x.writeAlias())
	if err != nil {
		return err
	}
	if slices.Contains(old, r.name) {
		return nil // another process was first
	}
	// What was put and cannot be found yet must not be missing for a second.
	if err := x.call(ctx, esapi.IndicesRefreshRequest{Index: []string{r.name}}, nil); err != nil {
		return err
	}
	actions := []object{
		{"add": object{"index": r.name, "alias": x.options.Name}},
		{"add": object{"index": r.name, "alias": x.writeAlias()}},
		{"remove": object{"index": r.name, "alias": x.nextAlias()}},
	}
	for _, name := range old {
		actions = append(actions, object{"remove_index": object{"index": name}})
	}
	if err := x.call(ctx, esapi.IndicesUpdateAliasesRequest{Body: body(object{"actions": actions})}, nil); err != nil {
		return fmt.Errorf("change to the new index: %w", err)
	}
	return nil
}

// next tells whether a generation is being filled, as of at most nextLook ago.
func (x *Index) next(ctx context.Context) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.options.Now().Sub(x.looked) < nextLook {
		return x.filling, nil
	}
	names, err := x.behind(ctx, x.nextAlias())
	if err != nil {
		return false, err
	}
	x.filling, x.looked = len(names) > 0, x.options.Now()
	return x.filling, nil
}
