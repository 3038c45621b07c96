// SPDX-License-Identifier: Apache-2.0

// Package bleveindex is an index in a folder, for one process.
package bleveindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Names of the fields.
const (
	fieldID     = "id"
	fieldGroup  = "group"
	fieldAuthor = "author"
	fieldKind   = "kind"
	fieldAt     = "at"
	fieldRefs   = "refs"
	fieldGrams  = "grams"
	fieldLive   = "live" // liveValue in all that are not gone
	// fieldVersion alone is kept. The library writes its internal values anew with every batch, all of them.
	fieldVersion = "version"
)

const liveValue = "1"

// Index is a searchindex.Index.
type Index struct {
	bleve bleve.Index
	write sync.Mutex // held from reading versions to writing them
}

// Open opens the index in a folder, or makes it. An empty folder name keeps it in memory.
func Open(folder string) (*Index, error) {
	index, err := open(folder)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", searchindex.ErrUnfit, err)
	}
	return &Index{bleve: index}, nil
}

func open(folder string) (bleve.Index, error) {
	if folder == "" {
		return bleve.NewMemOnly(fields())
	}
	index, err := bleve.Open(folder)
	if errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
		return create(folder)
	}
	if err != nil {
		return nil, err
	}
	mark, err := index.GetInternal([]byte(shapeMark))
	if err == nil && string(mark) == shape {
		return index, nil
	}
	if err = errors.Join(err, index.Close()); err == nil {
		err = os.RemoveAll(folder) // of another shape; it is filled anew
	}
	if err != nil {
		return nil, err
	}
	return create(folder)
}

// shape is the version of the fields, kept under shapeMark.
const shape, shapeMark = "2", "\x00shape"

func create(folder string) (bleve.Index, error) {
	index, err := bleve.New(folder, fields())
	if err != nil {
		return nil, err
	}
	if err := index.SetInternal([]byte(shapeMark), []byte(shape)); err != nil {
		return nil, errors.Join(err, index.Close())
	}
	return index, nil
}

// fields are all searched by whole values, and none but the version is kept.
func fields() *mapping.IndexMappingImpl {
	document := bleve.NewDocumentStaticMapping()
	kept := bleve.NewTextFieldMapping()
	kept.Store, kept.Index, kept.IncludeInAll, kept.DocValues = true, false, false, false
	document.AddFieldMappingsAt(fieldVersion, kept)
	for _, name := range []string{fieldID, fieldGroup, fieldAuthor, fieldKind, fieldAt, fieldRefs, fieldGrams, fieldLive} {
		field := bleve.NewTextFieldMapping()
		field.Analyzer = keyword.Name
		field.Store, field.IncludeInAll, field.IncludeTermVectors = false, false, false
		field.DocValues = name == fieldID || name == fieldAt
		document.AddFieldMappingsAt(name, field)
	}
	all := bleve.NewIndexMapping()
	all.DefaultMapping = document
	return all
}

// wholeMark is kept beside the documents of an index to which all texts were put. No document has this ID.
const wholeMark = "\x00whole"

// Ensure implements searchindex.Kept: an index that was opened is there.
func (x *Index) Ensure(context.Context) (whole bool, err error) {
	mark, err := x.bleve.GetInternal([]byte(wholeMark))
	return len(mark) > 0, unavailable(err)
}

// Publish implements searchindex.Kept.
func (x *Index) Publish(context.Context) error {
	return unavailable(x.bleve.SetInternal([]byte(wholeMark), []byte{1}))
}

// Withdraw implements searchindex.Kept.
func (x *Index) Withdraw(context.Context) error {
	return unavailable(x.bleve.DeleteInternal([]byte(wholeMark)))
}

// Close gives the folder back.
func (x *Index) Close() error { return x.bleve.Close() }

// Put writes all documents or none.
func (x *Index) Put(ctx context.Context, documents []searchindex.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.write.Lock()
	defer x.write.Unlock()
	batch := x.bleve.NewBatch()
	written := make(map[string]int64, len(documents))
	for _, d := range documents {
		newest, known := written[d.ID]
		if !known {
			var err error
			if newest, err = x.version(d.ID); err != nil {
				return unavailable(err)
			}
		}
		if d.Version < newest {
			continue
		}
		written[d.ID] = d.Version
		if err := batch.Index(d.ID, source(d)); err != nil {
			return unavailable(err)
		}
	}
	return unavailable(x.bleve.Batch(batch))
}

// version of a document that is stored; -1 of one that is not.
func (x *Index) version(id string) (version int64, err error) {
	stored, err := x.bleve.Document(id)
	if err != nil || stored == nil {
		return -1, err
	}
	version = -1
	stored.VisitFields(func(f index.Field) {
		if f.Name() == fieldVersion {
			version, err = strconv.ParseInt(string(f.Value()), 10, 64)
		}
	})
	return version, err
}

func source(d searchindex.Document) map[string]any {
	version := strconv.FormatInt(d.Version, 10)
	if d.Gone {
		return map[string]any{fieldVersion: version}
	}
	return map[string]any{
		fieldVersion: version, fieldLive: liveValue, fieldID: d.ID, fieldGroup: d.Group, fieldAuthor: d.Author, fieldKind: d.Kind, fieldAt: sortable(d.At),
		fieldRefs: d.Refs, fieldGrams: d.Grams,
	}
}

// sortable is a time whose order as a text is that in time: milliseconds with leading zeros.
func sortable(at time.Time) string { return fmt.Sprintf("%019d", at.UnixMilli()) }

// Find looks documents up.
func (x *Index) Find(ctx context.Context, lookup searchindex.Lookup) ([]searchindex.Hit, error) {
	if err := lookup.Check(); err != nil {
		return nil, err
	}
	if whole, err := x.Ensure(ctx); err != nil || !whole {
		return nil, errors.Join(fmt.Errorf("%w: it is being filled", searchindex.ErrUnavailable), err)
	}
	request := bleve.NewSearchRequestOptions(filter(lookup), lookup.Limit, 0, false)
	request.SortBy([]string{"-" + fieldAt, "-" + fieldID})
	request.Score = "none"
	if lookup.After != nil {
		request.SearchAfter = []string{sortable(lookup.After.At), lookup.After.ID}
	}
	result, err := x.bleve.SearchInContext(ctx, request)
	if err != nil {
		return nil, unavailable(err)
	}
	hits := make([]searchindex.Hit, len(result.Hits))
	for i, found := range result.Hits {
		at, err := strconv.ParseInt(found.Sort[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", searchindex.ErrUnfit, err)
		}
		hits[i] = searchindex.Hit{ID: found.ID, At: time.UnixMilli(at)}
	}
	return hits, nil
}

func filter(l searchindex.Lookup) query.Query {
	all := bleve.NewConjunctionQuery()
	is := func(field, value string) query.Query {
		term := bleve.NewTermQuery(value)
		term.SetField(field)
		return term
	}
	for _, gram := range l.Grams {
		all.AddQuery(is(fieldGrams, gram))
	}
	for field, value := range map[string]string{fieldAuthor: l.Author, fieldRefs: l.Ref} {
		if value != "" {
			all.AddQuery(is(field, value))
		}
	}
	for field, values := range map[string][]string{fieldGroup: l.Groups, fieldKind: l.Kinds} {
		if len(values) == 0 {
			continue
		}
		some := bleve.NewDisjunctionQuery()
		for _, value := range values {
			some.AddQuery(is(field, value))
		}
		all.AddQuery(some)
	}
	if from, until := bound(l.From), bound(l.Until); from != "" || until != "" {
		span := bleve.NewTermRangeQuery(from, until)
		span.SetField(fieldAt)
		all.AddQuery(span)
	}
	if len(all.Conjuncts) == 0 {
		return is(fieldLive, liveValue) // what is gone has no field that the others ask for
	}
	return all
}

func bound(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return sortable(at)
}

// unavailable wraps what went wrong in the library.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", searchindex.ErrUnavailable, err)
}
