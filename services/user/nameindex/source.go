// SPDX-License-Identifier: Apache-2.0

// Package nameindex offers nicknames to the index of texts.
package nameindex

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/user"
)

const (
	// Queue is the durable queue of what happens to nicknames.
	Queue = "user.search"
	// Created is the routing key of new accounts, of which nobody else hears.
	Created = "user.created"
)

// Source implements indexer.Source and indexserver.Library.
type Source struct{ Names user.Names }

// Queue implements indexer.Source.
func (Source) Queue() string { return Queue }

// RoutingKeys implements indexer.Source. A suspension and a changed privacy have no event: who may be found is read
// from the store at every search.
func (Source) RoutingKeys() []string { return []string{Created, "user.updated"} }

// Decode reads whose account a batch of events is about.
func (Source) Decode(body []byte) ([]indexer.Change, error) {
	var batch eventv1.EventBatch
	if err := proto.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	changes := make([]indexer.Change, 0, len(batch.GetEvents()))
	for _, e := range batch.GetEvents() {
		id, err := ids.ParseUser("user_id", e.GetUser().GetUserId())
		if err != nil {
			return nil, err
		}
		changes = append(changes, indexer.Change{ID: id.String(), At: e.GetOccurredAt()})
	}
	return changes, nil
}

// Documents implements indexer.Source.
func (s Source) Documents(ctx context.Context, people []string) ([]searchindex.Document, error) {
	users, err := ids.ParseUsers("id", people)
	if err != nil {
		return nil, err
	}
	names, err := s.Names.Named(ctx, users)
	return documents(names), err
}

// Scan implements indexer.Scanner.
func (s Source) Scan(ctx context.Context, after string, limit int) ([]searchindex.Document, error) {
	id, err := place(after)
	if err != nil {
		return nil, err
	}
	names, err := s.Names.ScanNames(ctx, id, limit)
	return documents(names), err
}

// CountAfter counts accounts, for whoever tells how far a fill is.
func (s Source) CountAfter(ctx context.Context, after string) (int64, error) {
	id, err := place(after)
	if err != nil {
		return 0, err
	}
	return s.Names.CountNames(ctx, id)
}

// place reads the id of the last document; none is before the first.
func place(text string) (ids.UserID, error) {
	if text == "" {
		return ids.UserID{}, nil
	}
	id, err := ids.ParseUser("", text)
	if err != nil {
		err = fmt.Errorf("the place %q kept in the index cannot be read: delete the index behind the alias that ends in -next", text)
	}
	return id, err
}

func documents(names []user.Named) []searchindex.Document {
	list := make([]searchindex.Document, len(names))
	for i, n := range names {
		list[i] = n.Document()
	}
	return list
}
