// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"io"
	"slices"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/filename"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/mediatype"
)

// Seen is a file as its reader gets it, with a link for it and one for each thumbnail.
type Seen struct {
	File
	Link           Link
	ThumbnailLinks []Link
}

// Get answers a file that the caller may read.
func (s *Service) Get(ctx context.Context, caller ids.UserID, id ids.FileID, way Way) (Seen, error) {
	seen, err := s.BatchGet(ctx, caller, []ids.FileID{id}, way)
	if err != nil {
		return Seen{}, err
	}
	if len(seen) == 0 {
		return Seen{}, ErrNotFound
	}
	return seen[0], nil
}

// BatchGet answers those of some files that the caller may read, in the order of their ids.
func (s *Service) BatchGet(ctx context.Context, caller ids.UserID, files []ids.FileID, way Way) ([]Seen, error) {
	found, err := s.ports.Uploads.Find(ctx, files...)
	if err != nil {
		return nil, err
	}
	byID := map[ids.FileID]File{}
	var foreign []ids.FileID
	for _, f := range found {
		if f.State != Complete {
			continue
		}
		byID[f.ID] = f
		if f.Owner != caller {
			foreign = append(foreign, f.ID)
		}
	}
	readable, err := s.readable(ctx, caller, foreign)
	if err != nil {
		return nil, err
	}
	var seen []Seen
	for _, id := range files {
		f, there := byID[id]
		if !there || f.Owner != caller && !slices.Contains(readable, id) {
			continue
		}
		delete(byID, id) // a double is answered once
		seen = append(seen, s.Show(ctx, caller, f, way))
	}
	return seen, nil
}

// readable picks those of the files of others that the caller may read.
func (s *Service) readable(ctx context.Context, caller ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	if len(files) == 0 {
		return nil, nil
	}
	citations, err := s.ports.Citations.Holders(ctx, files...)
	if err != nil {
		return nil, err
	}
	var may, ask []ids.FileID
	for _, c := range citations {
		if c.Kind == ByUser && !slices.Contains(may, c.File) {
			may = append(may, c.File) // pictures of people are for everybody
		}
	}
	for _, c := range citations {
		if c.Kind != ByUser && !slices.Contains(may, c.File) && !slices.Contains(ask, c.File) {
			ask = append(ask, c.File)
		}
	}
	if len(ask) == 0 {
		return may, nil
	}
	more, err := s.ports.Holders.Readable(ctx, caller, ask)
	return append(may, more...), err
}

// Show is a file that the caller may read, with links.
func (s *Service) Show(ctx context.Context, caller ids.UserID, f File, way Way) Seen {
	seen := Seen{File: f, Link: s.link(ctx, caller, f, 0, way)}
	for i := range f.Thumbnails {
		seen.ThumbnailLinks = append(seen.ThumbnailLinks, s.link(ctx, caller, f, i+1, way))
	}
	return seen
}

// link leads to the file itself, or to one of its thumbnails from 1 on.
func (s *Service) link(ctx context.Context, caller ids.UserID, f File, variant int, way Way) Link {
	if way == Shortest && s.ports.Presigner != nil {
		link, err := s.presignGet(ctx, f.bytes(variant))
		if err == nil {
			return link
		}
		s.logger.WarnContext(ctx, "a link leads through Parley instead", "file", f.ID.String(), "error", err)
	}
	return s.links.make(caller, Claim{File: f.ID, Variant: variant, ExpiresAt: s.now().Add(linkLife).UnixMilli()})
}

// Bytes are what a link leads to.
type Bytes struct {
	File        ids.FileID
	Name        string
	Size        int64
	ContentType string
	Hash        Hash
	key         string
}

// Follow answers what a link leads to. Whoever got it might read the file less than a minute ago.
func (s *Service) Follow(ctx context.Context, caller ids.UserID, c Claim, sealed string) (Bytes, error) {
	if err := s.links.check(caller, c, sealed, s.now()); err != nil {
		return Bytes{}, err
	}
	f, err := s.find(ctx, c.File)
	if err != nil {
		return Bytes{}, err
	}
	if f.State != Complete || c.Variant < 0 || c.Variant > len(f.Thumbnails) {
		return Bytes{}, ErrNotFound
	}
	return f.bytes(c.Variant), nil
}

// bytes are those of the file itself, or of a thumbnail that it has.
func (f File) bytes(variant int) Bytes {
	b := Bytes{File: f.ID, Name: f.Name, Size: f.Size, ContentType: f.ContentType, Hash: f.Hash, key: f.Upload.Key}
	if variant > 0 {
		t := f.Thumbnails[variant-1]
		b.Size, b.ContentType, b.Hash, b.key = t.Size, t.ContentType, t.Hash, t.Key
	}
	return b
}

// Served is the type under which bytes leave.
func (b Bytes) Served() string { return mediatype.Served(b.ContentType) }

// Disposition tells a browser to save what is not surely harmless, under the name of the file.
func (b Bytes) Disposition() string {
	kind := filename.Attachment
	if mediatype.Inline(b.ContentType) {
		kind = filename.Inline
	}
	return filename.Disposition(kind, b.Name)
}

// Open reads bytes from an offset to their end. Read from 0 on, the last of them come only if all of them are those that were
// checked; else the reader fails with blob.ErrDamaged.
func (s *Service) Open(ctx context.Context, b Bytes, from int64) (io.ReadCloser, error) {
	content, err := s.ports.Blobs.Open(ctx, b.key, from, b.Size-from)
	if err != nil {
		return nil, s.noteDamage(ctx, b, err)
	}
	if from == 0 {
		content = blob.Verify(content, b.Size, b.Hash)
	}
	return watched{content, func(err error) error { return s.noteDamage(ctx, b, err) }}, nil
}
