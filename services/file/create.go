// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"strconv"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/filename"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Announcement is what somebody wants to upload.
type Announcement struct {
	Owner       ids.UserID
	Purpose     Purpose
	Name        string
	Size        int64
	ContentType string
	Hash        Hash
	Key         ids.IdempotencyKey
}

// Create makes an upload, or finds the one under the same key.
func (s *Service) Create(ctx context.Context, a Announcement) (File, error) {
	f, err := s.announced(ctx, a)
	if err != nil {
		return File{}, err
	}
	now := s.now()
	made, err := s.ports.Uploads.Create(ctx, f, day(now), func(used Usage) error { return s.allow(used, a.Size, now) })
	if err != nil {
		return File{}, err
	}
	same := made.Purpose == f.Purpose && made.Name == f.Name && made.Size == f.Size && made.Hash == f.Hash &&
		(made.ContentType == f.ContentType || made.State == Complete)
	if !same || made.usable(now.UnixMilli()) != nil {
		return File{}, ErrKeyReused
	}
	return made, nil
}

// announced is the upload to be, checked.
func (s *Service) announced(ctx context.Context, a Announcement) (File, error) {
	if limit := s.limits.bytes(a.Purpose); a.Size > limit {
		return File{}, ErrTooLarge.With("limit_bytes", strconv.FormatInt(limit, 10))
	}
	name := filename.Clean(a.Name)
	if name == "" {
		return File{}, fault.InvalidField("name", "empty")
	}
	write, err := s.ports.Writes.Begin(ctx, blob.NewKey(), a.Size)
	if err != nil {
		return File{}, storeError(err)
	}
	now := s.now()
	f := File{
		ID: ids.NewFile(), Owner: a.Owner, Purpose: a.Purpose, State: Uploading, Name: name, Size: a.Size, ContentType: a.ContentType,
		Hash: a.Hash, Key: a.Key, Upload: write, CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(uploadLife).UnixMilli(),
	}
	for range thumbnailForms(a.Purpose) {
		f.ThumbnailKeys = append(f.ThumbnailKeys, blob.NewKey())
	}
	return f, nil
}

// allow tells whether an upload more is within the quota of the day.
func (s *Service) allow(used Usage, size int64, now time.Time) error {
	limit, value := "", int64(0)
	switch {
	case used.Files >= s.limits.DailyFiles:
		limit, value = "files_per_day", int64(s.limits.DailyFiles)
	case used.Bytes+size > s.limits.DailyBytes:
		limit, value = "bytes_per_day", s.limits.DailyBytes
	default:
		return nil
	}
	next := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	return ErrQuotaExceeded.With("limit", limit).With("value", strconv.FormatInt(value, 10)).After(next.Sub(now))
}

// day of a time, in UTC, counted from 1970.
func day(t time.Time) int64 { return t.UTC().Unix() / int64((24*time.Hour)/time.Second) }
