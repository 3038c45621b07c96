// SPDX-License-Identifier: Apache-2.0

// Package searchindex is the port of an index of texts. An index offers documents that hold all the grams
// of a query (package textmatch), newest first; the service that owns the texts decides which of them
// match and who may see them. Nothing in an index is the only copy: it can be thrown away and filled again.
//
// Package bleveindex keeps an index in a folder, package elasticindex in Elasticsearch. Package searchindextest
// has the suite that both pass.
package searchindex

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Document is one text in an index.
type Document struct {
	ID string // at most 128 bytes
	// Version decides between two writes of one ID: the higher one stays, of equal ones either.
	Version int64
	Group   string // that the text belongs to; texts of one group lie together
	Author  string
	Kind    string
	At      time.Time // newest first; kept to the millisecond
	Refs    []string  // whom the text names
	Grams   []string
	// Gone texts are never offered. Their version stays, so that an older write does not bring them back.
	Gone bool
}

// Lookup says which documents to offer. Empty fields do not restrict.
type Lookup struct {
	Grams       []string // all of them
	Groups      []string // one of them; at most MaxGroups
	Author      string
	Kinds       []string // one of them
	Ref         string
	From, Until time.Time // Until is not part of the range
	After       *Hit      // the last hit of the page before
	Limit       int       // 1 to MaxHits
}

// Bounds of a Lookup.
const (
	MaxGroups = 10_000
	MaxHits   = 200
)

// Hit is a document that is offered, and its place in the order.
type Hit struct {
	ID string
	At time.Time
}

// Index keeps documents. It is safe for concurrent use.
type Index interface {
	// Put writes documents, in any order and as often as one likes. If some fail, the others are written,
	// and the error is a *PutError that names those that did. What was put is found a second later.
	Put(ctx context.Context, documents []Document) error
	// Find gives the hits after a place, latest first; of the same time, the highest ID first.
	Find(ctx context.Context, lookup Lookup) ([]Hit, error)
}

// Kept is an index that may be empty or away at first, and may be lost: somebody has to keep it whole.
type Kept interface {
	Index
	// Ensure checks that the index is one that fits, makes it where there is none, and tells whether it is
	// whole: whether Publish was called on it since it was made. ErrUnavailable, ErrUnfit.
	Ensure(ctx context.Context) (whole bool, err error)
	// Publish says that all texts were put. Until then Find answers ErrUnavailable, rather than a part.
	Publish(ctx context.Context) error
	// Withdraw takes Publish back: texts may be missing, so the index is not whole until all are put again.
	Withdraw(ctx context.Context) error
}

// Errors of an index, to be asked for with errors.Is.
var (
	// ErrUnavailable: it does not answer, takes nothing now, or is overloaded. Try again later.
	ErrUnavailable = errors.New("the search index is not available now")
	// ErrUnfit: it answers, but is not what is needed: another product or version, a foreign index under
	// the same name, rights that are missing. Somebody has to change something.
	ErrUnfit = errors.New("the search index does not fit")
	// ErrForbidden: it refuses user and password, or they may not do what is needed.
	ErrForbidden = errors.New("the search index refuses its user")
	// ErrCertificate: its certificate is not one to be trusted.
	ErrCertificate = errors.New("the certificate of the search index does not fit")
)

// PutError names the documents that were not written.
type PutError struct {
	Retry []string // may be written later
	// Refused will never be written as they are, with the reasons.
	Refused map[string]error
}

func (e *PutError) Error() string {
	return fmt.Sprintf("%d documents were not written and %d can never be", len(e.Retry), len(e.Refused))
}

// Is lets errors.Is(err, ErrUnavailable) tell whether trying again helps.
func (e *PutError) Is(target error) bool { return target == ErrUnavailable && len(e.Retry) > 0 }

// Check refuses a lookup that no index can answer; a mistake of the caller.
func (l Lookup) Check() error {
	switch {
	case l.Limit < 1 || l.Limit > MaxHits:
		return fmt.Errorf("a page has 1 to %d hits, not %d", MaxHits, l.Limit)
	case len(l.Groups) > MaxGroups:
		return fmt.Errorf("a lookup names at most %d groups, not %d", MaxGroups, len(l.Groups))
	default:
		return nil
	}
}
