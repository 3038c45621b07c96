// SPDX-License-Identifier: Apache-2.0

package elasticindex

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Names of the fields. The server refuses a document with others.
const (
	fieldID     = "id"
	fieldGroup  = "group"
	fieldAuthor = "author"
	fieldKind   = "kind"
	fieldAt     = "at"
	fieldRefs   = "refs"
	fieldGrams  = "grams"
	fieldGone   = "gone"
)

// shape is the version of the fields; an index of another one has to be filled anew.
const shape = 1

func (x *Index) writeAlias() string { return x.options.Name + "-write" }

// settings of a new generation. Documents lie newest first, so that a page ends early.
func (x *Index) settings() object {
	word := func(more object) object {
		field := object{"type": "keyword", "norms": false, "doc_values": false, "index_options": "docs"}
		maps.Copy(field, more)
		return field
	}
	sorted := object{"doc_values": true}
	return object{
		"settings": object{
			"number_of_shards": max(1, x.options.Shards), "number_of_replicas": x.options.Replicas, "refresh_interval": "1s",
			"sort.field": []string{fieldAt, fieldID}, "sort.order": []string{"desc", "desc"},
		},
		"mappings": object{
			"dynamic": "strict", "_source": object{"enabled": false}, "_meta": object{"parley": object{"shape": shape}},
			"properties": object{
				fieldID: word(sorted), fieldGroup: word(nil), fieldAuthor: word(nil), fieldKind: word(nil),
				fieldAt: object{"type": "long"}, fieldRefs: word(nil), fieldGrams: word(nil), fieldGone: object{"type": "boolean"},
			},
		},
	}
}

// Ensure implements searchindex.Kept: an index is whole when it has the alias to read.
func (x *Index) Ensure(ctx context.Context) (whole bool, err error) {
	if err := x.fits(ctx); err != nil {
		return false, err
	}
	behind, err := x.behind(ctx, x.writeAlias())
	if err != nil {
		return false, err
	}
	if len(behind) == 0 {
		return false, x.make(ctx, 1, x.writeAlias())
	}
	if err := x.ours(ctx, behind); err != nil {
		return false, err
	}
	read, err := x.behind(ctx, x.options.Name)
	return slices.Equal(read, behind), err
}

// Check is Ensure for who only looks: it makes nothing.
func (x *Index) Check(ctx context.Context) (whole bool, err error) {
	if err := x.fits(ctx); err != nil {
		return false, err
	}
	behind, err := x.behind(ctx, x.options.Name)
	if err != nil || len(behind) == 0 {
		return false, err
	}
	return true, x.ours(ctx, behind)
}

// Filling tells whether there is an index that is written and that nobody reads yet.
func (x *Index) Filling(ctx context.Context) (bool, error) {
	written, err := x.behind(ctx, x.writeAlias())
	if err != nil || len(written) == 0 {
		return false, err
	}
	read, err := x.behind(ctx, x.options.Name)
	return len(read) == 0, err
}

// behind lists the indices that an alias stands for, none where there is no such alias.
func (x *Index) behind(ctx context.Context, alias string) ([]string, error) {
	var found map[string]struct{}
	err := x.call(ctx, esapi.IndicesGetAliasRequest{Name: []string{alias}}, &found)
	if errors.Is(err, errMissing) {
		return nil, nil
	}
	return slices.Sorted(maps.Keys(found)), err
}

// Publish implements searchindex.Kept: readers see the index that is written, and no other, in one step.
func (x *Index) Publish(ctx context.Context) error {
	written, err := x.behind(ctx, x.writeAlias())
	if err != nil {
		return err
	}
	actions := []object{}
	for _, name := range written {
		actions = append(actions, object{"add": object{"index": name, "alias": x.options.Name}})
	}
	read, err := x.behind(ctx, x.options.Name)
	if err != nil {
		return err
	}
	for _, name := range read {
		if !slices.Contains(written, name) {
			actions = append(actions, object{"remove": object{"index": name, "alias": x.options.Name}})
		}
	}
	return x.call(ctx, esapi.IndicesUpdateAliasesRequest{Body: body(object{"actions": actions})}, nil)
}

// Withdraw implements searchindex.Kept: nobody reads the index until Publish.
func (x *Index) Withdraw(ctx context.Context) error {
	read, err := x.behind(ctx, x.options.Name)
	if err != nil || len(read) == 0 {
		return err
	}
	actions := []object{{"remove": object{"indices": read, "alias": x.options.Name}}}
	return x.call(ctx, esapi.IndicesUpdateAliasesRequest{Body: body(object{"actions": actions})}, nil)
}

// fits refuses servers that are not Elasticsearch 8 or 9.
func (x *Index) fits(ctx context.Context) error {
	var info struct {
		Version struct {
			Number string `json:"number"`
			Flavor string `json:"distribution"` // of products that are not Elasticsearch
		} `json:"version"`
	}
	if err := x.call(ctx, esapi.InfoRequest{}, &info); err != nil {
		return err
	}
	major, _, _ := strings.Cut(info.Version.Number, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 8 || n > 9 || info.Version.Flavor != "" {
		return fmt.Errorf("%w: Elasticsearch 8 or 9 is needed, the server is %s %s", searchindex.ErrUnfit,
			info.Version.Flavor, info.Version.Number)
	}
	return nil
}

// meta is what we keep in an index about itself.
type meta struct {
	Shape int    `json:"shape"`
	Place string `json:"place"` // how far it is filled, while it is being filled
}

func (x *Index) meta(ctx context.Context, names []string) (map[string]meta, error) {
	var mapped map[string]struct {
		Mappings struct {
			Meta struct {
				Parley meta `json:"parley"`
			} `json:"_meta"`
		} `json:"mappings"`
	}
	if err := x.call(ctx, esapi.IndicesGetMappingRequest{Index: names}, &mapped); err != nil {
		return nil, err
	}
	found := make(map[string]meta, len(mapped))
	for name, index := range mapped {
		found[name] = index.Mappings.Meta.Parley
	}
	return found, nil
}

// errOtherShape is behind ErrUnfit where a rebuild helps: the index is ours.
var errOtherShape = errors.New("it is of another version")

// ours refuses an index whose fields are not ours.
func (x *Index) ours(ctx context.Context, names []string) error {
	all, err := x.meta(ctx, names)
	if err != nil {
		return err
	}
	var other error
	for name, m := range all {
		switch m.Shape {
		case shape:
		case 0:
			return fmt.Errorf("%w: the index %s is foreign: choose another prefix", searchindex.ErrUnfit, name)
		default:
			other = fmt.Errorf("%w: the index %s has fields of shape %d, not %d: %w: reindex", searchindex.ErrUnfit, name, m.Shape, shape, errOtherShape)
		}
	}
	return other
}

// make makes a generation and gives it aliases. That another process was first is as good.
func (x *Index) make(ctx context.Context, generation int, aliases ...string) error {
	settings := x.settings()
	names := object{}
	for _, alias := range aliases {
		names[alias] = object{}
	}
	settings["aliases"] = names
	err := x.call(ctx, esapi.IndicesCreateRequest{Index: x.generation(generation), Body: body(settings)}, nil)
	if err != nil && strings.Contains(err.Error(), "resource_already_exists") {
		return nil
	}
	return err
}

func (x *Index) generation(n int) string { return fmt.Sprintf("%s-%06d", x.options.Name, n) }
