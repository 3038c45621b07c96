// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	columns = "id, owner_id, idempotency_key, purpose, state, name, size, content_type, sha256, blob_key, written, write_state," +
		" thumbnail_keys, thumbnails, failure, width, height, duration_ms, created_at, expires_at, completed_at, uncited_since"
	// placeholders after the first one.
	placeholders = ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
)

// fileRow is a file as it is stored.
type fileRow struct {
	ID             ids.FileID         `db:"id"`
	OwnerID        ids.UserID         `db:"owner_id"`
	IdempotencyKey ids.IdempotencyKey `db:"idempotency_key"`
	Purpose        int                `db:"purpose"`
	State          int                `db:"state"`
	Name           []byte             `db:"name"`
	Size           int64              `db:"size"`
	ContentType    []byte             `db:"content_type"`
	SHA256         []byte             `db:"sha256"`
	BlobKey        []byte             `db:"blob_key"`
	Written        int64              `db:"written"`
	WriteState     []byte             `db:"write_state"`
	ThumbnailKeys  []byte             `db:"thumbnail_keys"` // separated by commas
	Thumbnails     []byte             `db:"thumbnails"`     // JSON
	Failure        []byte             `db:"failure"`
	Width          int                `db:"width"`
	Height         int                `db:"height"`
	DurationMS     int64              `db:"duration_ms"`
	CreatedAt      int64              `db:"created_at"`
	ExpiresAt      int64              `db:"expires_at"`
	CompletedAt    int64              `db:"completed_at"`
	UncitedSince   int64              `db:"uncited_since"`
}

// thumbnail is the stored form of file.Thumbnail.
type thumbnail struct {
	Width  int    `json:"w"`
	Height int    `json:"h"`
	Size   int64  `json:"s"`
	Type   string `json:"t"`
	Key    string `json:"k"`
	SHA256 []byte `json:"h256"`
}

func toRow(f file.File) (fileRow, error) {
	list := make([]thumbnail, len(f.Thumbnails))
	for i, t := range f.Thumbnails {
		list[i] = thumbnail{Width: t.Width, Height: t.Height, Size: t.Size, Type: t.ContentType, Key: t.Key, SHA256: t.Hash[:]}
	}
	thumbnails, err := json.Marshal(list)
	if err != nil {
		return fileRow{}, fmt.Errorf("encode thumbnails: %w", err)
	}
	return fileRow{
		ID: f.ID, OwnerID: f.Owner, IdempotencyKey: f.Key, Purpose: int(f.Purpose), State: int(f.State), Name: []byte(f.Name),
		Size: f.Size, ContentType: []byte(f.ContentType), SHA256: f.Hash[:], BlobKey: []byte(f.Upload.Key), Written: f.Upload.Offset,
		WriteState: []byte(f.Upload.State), ThumbnailKeys: []byte(strings.Join(f.ThumbnailKeys, ",")), Thumbnails: thumbnails,
		Failure: []byte(f.Failure), Width: f.Width, Height: f.Height, DurationMS: f.Duration.Milliseconds(),
		CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt, CompletedAt: f.CompletedAt, UncitedSince: f.UncitedSince,
	}, nil
}

// values are in the order of columns.
func (r fileRow) values() []any {
	return []any{
		r.ID, r.OwnerID, r.IdempotencyKey, r.Purpose, r.State, r.Name, r.Size, r.ContentType, r.SHA256, r.BlobKey, r.Written, r.WriteState,
		r.ThumbnailKeys, r.Thumbnails, r.Failure, r.Width, r.Height, r.DurationMS, r.CreatedAt, r.ExpiresAt, r.CompletedAt, r.UncitedSince,
	}
}

func (r fileRow) file() (file.File, error) {
	f := file.File{
		ID: r.ID, Owner: r.OwnerID, Purpose: file.Purpose(r.Purpose), State: file.State(r.State), Name: string(r.Name), Size: r.Size,
		ContentType: string(r.ContentType), Hash: toHash(r.SHA256), Key: r.IdempotencyKey,
		Upload:  blob.Upload{Key: string(r.BlobKey), Size: r.Size, Offset: r.Written, State: string(r.WriteState)},
		Failure: string(r.Failure), CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, CompletedAt: r.CompletedAt, UncitedSince: r.UncitedSince,
		Facts: file.Facts{Width: r.Width, Height: r.Height, Duration: time.Duration(r.DurationMS) * time.Millisecond},
	}
	if len(r.ThumbnailKeys) > 0 {
		f.ThumbnailKeys = strings.Split(string(r.ThumbnailKeys), ",")
	}
	var list []thumbnail
	if err := json.Unmarshal(r.Thumbnails, &list); err != nil {
		return f, fmt.Errorf("decode thumbnails: %w", err)
	}
	for _, t := range list {
		f.Thumbnails = append(f.Thumbnails, file.Thumbnail{
			Width: t.Width, Height: t.Height, Size: t.Size, ContentType: t.Type, Key: t.Key, Hash: toHash(t.SHA256),
		})
	}
	return f, nil
}

func toHash(b []byte) (h file.Hash) {
	copy(h[:], b)
	return h
}

func filesOf(rows []fileRow) ([]file.File, error) {
	list := make([]file.File, len(rows))
	for i, r := range rows {
		f, err := r.file()
		if err != nil {
			return nil, err
		}
		list[i] = f
	}
	return list, nil
}

// citationRow is a citation as it is stored.
type citationRow struct {
	FileID          ids.FileID `db:"file_id"`
	Kind            int        `db:"kind"`
	HolderID        []byte     `db:"holder_id"`
	ClientMessageID []byte     `db:"client_message_id"` // zeros without one
	CitedAt         int64      `db:"cited_at"`
	DueAt           int64      `db:"due_at"`
}

func (r citationRow) cited() file.Cited {
	c := file.Cited{Citation: file.Citation{File: r.FileID, Kind: file.HolderKind(r.Kind)}, CitedAt: r.CitedAt, DueAt: r.DueAt}
	copy(c.Holder[:], r.HolderID)
	copy(c.Message[:], r.ClientMessageID)
	return c
}
