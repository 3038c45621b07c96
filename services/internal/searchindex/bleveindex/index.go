// SPDX-License-Identifier: Apache-2.0

// Package bleveindex is an index in a folder, for one process.
package bleveindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

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
)

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
		return bleve.New(folder, fields())
	}
	return index, err
}

// fields are all searched by whole values and none is kept.
func fields() *mapping.IndexMappingImpl {
	document := bleve.NewDocumentStaticMapping()
	for _, name := range []string{fieldID, fieldGroup, fieldAuthor, fieldKind, fieldAt, fieldRefs, fieldGrams} {
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
			stored, err := x.bleve.GetInternal([]byte(d.ID))
			if err != nil {
				return unavailable(err)
			}
			newest = version(stored)
		}
		if d.Version < newest {
			continue
		}
		written[d.ID] = d.Version
		batch.SetInternal([]byte(d.ID), binary.BigEndian.AppendUint64(nil, uint64(d.Version))) //nolint:gosec // read back as it is
		batch.Delete(d.ID)
		if d.Gone {
			continue
		}
		if err := batch.Index(d.ID, source(d)); err != nil {
			return unavailable(err)
		}
	}
	return unavailable(x.bleve.Batch(batch))
}

// version of a document that is stored; -1 of one that is not.
func version(stored []byte) int64 {
	if len(stored) != 8 {
		return -1
	}
	return int64(binary.BigEndian.Uint64(stored)) //nolint:gosec // written from an int64
}

func source(d searchindex.Document) map[string]any {
	return map[string]any{
		fieldID: d.ID, fieldGroup: d.Group, fieldAuthor: d.Author, fieldKind: d.Kind, fieldAt: sortable(d.At),
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
		return bleve.NewMatchAllQuery()
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
