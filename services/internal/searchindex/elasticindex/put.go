// SPDX-License-Identifier: Apache-2.0

package elasticindex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// maxBulk is the size of one bulk call, bytes; the server advises a few megabytes, and its memory is small.
const maxBulk = 1 << 20

// Put writes documents in calls of at most a megabyte each.
func (x *Index) Put(ctx context.Context, documents []searchindex.Document) error {
	if err := x.put(ctx, x.writeAlias(), documents); err != nil {
		return err
	}
	filling, err := x.next(ctx)
	if err != nil || !filling {
		return err
	}
	err = x.put(ctx, x.nextAlias(), documents)
	if partial, ok := errors.AsType[*searchindex.PutError](err); ok && len(partial.Refused) == 0 {
		if ended, missing := x.forget(ctx); missing == nil && ended {
			return nil // it became the current one meanwhile
		}
	}
	return err
}

// forget asks anew whether a generation is being filled, and tells whether none is.
func (x *Index) forget(ctx context.Context) (ended bool, err error) {
	x.mu.Lock()
	x.looked = time.Time{}
	x.mu.Unlock()
	filling, err := x.next(ctx)
	return !filling, err
}

func (x *Index) put(ctx context.Context, alias string, documents []searchindex.Document) error {
	failed := &searchindex.PutError{Refused: map[string]error{}}
	for len(documents) > 0 {
		text, n, err := bulk(documents)
		if err != nil {
			return err
		}
		if err := x.putOnce(ctx, alias, text, failed); err != nil {
			return err
		}
		documents = documents[n:]
	}
	if len(failed.Retry)+len(failed.Refused) > 0 {
		return failed
	}
	return nil
}

// bulk encodes as many documents as fit into one call, at least one.
func bulk(documents []searchindex.Document) (text []byte, n int, err error) {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for n < len(documents) && (n == 0 || b.Len() < maxBulk) {
		d := documents[n]
		action := object{"index": object{"_id": d.ID, "routing": d.Group, "version": d.Version, "version_type": "external_gte"}}
		if err := errors.Join(lines.Encode(action), lines.Encode(source(d))); err != nil {
			return nil, 0, err
		}
		n++
	}
	return b.Bytes(), n, nil
}

func source(d searchindex.Document) object {
	if d.Gone {
		return object{fieldID: d.ID, fieldGroup: d.Group, fieldAt: d.At.UnixMilli(), fieldGone: true}
	}
	return object{
		fieldID: d.ID, fieldGroup: d.Group, fieldAuthor: d.Author, fieldKind: d.Kind, fieldAt: d.At.UnixMilli(),
		fieldRefs: d.Refs, fieldGrams: d.Grams, fieldGone: false,
	}
}

// written is the answer to a bulk call, item by item.
type written struct {
	Errors bool `json:"errors"`
	Items  []struct {
		Index struct {
			ID     string `json:"_id"`
			Status int    `json:"status"`
			Error  struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
			} `json:"error"`
		} `json:"index"`
	} `json:"items"`
}

func (x *Index) putOnce(ctx context.Context, alias string, text []byte, failed *searchindex.PutError) error {
	required := true // a write must not make an index without our fields
	var answer written
	request := esapi.BulkRequest{Index: alias, RequireAlias: &required, Body: bytes.NewReader(text)}
	if err := x.call(ctx, request, &answer); err != nil {
		return err
	}
	if !answer.Errors {
		return nil
	}
	for _, item := range answer.Items {
		switch i := item.Index; {
		case i.Status < http.StatusMultipleChoices, i.Status == http.StatusConflict: // a newer version is there
		case i.Status == http.StatusNotFound, later(i.Status, i.Error.Type):
			failed.Retry = append(failed.Retry, i.ID)
		default:
			failed.Refused[i.ID] = fmt.Errorf("%d %s: %.*s", i.Status, i.Error.Type, maxReason, i.Error.Reason)
		}
	}
	return nil
}
