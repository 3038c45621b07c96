// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/mediatype"
	"github.com/parley-chat/parley/services/internal/picture"
)

const (
	// longestVoice of a recording.
	longestVoice = 5 * time.Minute
	// thumbnailTime bounds the making and storing of thumbnails.
	thumbnailTime = 10 * time.Second
)

// Complete checks the bytes of an upload and makes it a file.
func (s *Service) Complete(ctx context.Context, owner ids.UserID, id ids.FileID) (File, error) {
	f, err := s.upload(ctx, owner, id)
	if err != nil || f.State == Complete {
		return f, err
	}
	isPast := f.Upload.Offset < f.Size // all that can be there came past Parley
	if isPast && s.ports.Presigner == nil {
		return File{}, incomplete(f)
	}
	if isPast {
		if err := s.arrived(ctx, f); err != nil {
			return s.refuse(ctx, f, err)
		}
	}
	select {
	case s.checks <- struct{}{}:
		defer func() { <-s.checks }()
	case <-ctx.Done():
		return File{}, ctx.Err()
	}
	if !isPast {
		if err := s.seal(ctx, &f); err != nil {
			return File{}, err
		}
	}
	if err := s.check(ctx, &f); err != nil {
		return s.refuse(ctx, f, err)
	}
	if err := s.dropParts(ctx, f, isPast); err != nil {
		return File{}, err
	}
	if err := failpoint.Hit(failpoint.AfterThumbnails); err != nil {
		return File{}, err
	}
	f.CompletedAt, f.UncitedSince = s.millis(), s.millis()
	done, err := s.ports.Uploads.Finish(ctx, f)
	if err != nil {
		return File{}, err
	}
	if done.State != Complete { // it was removed meanwhile; thumbnails may have come after that
		return File{}, errors.Join(done.usable(f.CompletedAt), s.empty(ctx, done))
	}
	return done, nil
}

// seal makes the written bytes a blob. What the store has lost must come again.
func (s *Service) seal(ctx context.Context, f *File) error {
	_, err := s.ports.Writes.Finish(ctx, f.Upload)
	if err == nil {
		return failpoint.Hit(failpoint.AfterSeal)
	}
	if !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrIncomplete) {
		return storeError(err)
	}
	if *f, err = s.restart(ctx, *f); err != nil {
		return err
	}
	return incomplete(*f)
}

// refuse ends an upload whose bytes are not what was announced. Another error leaves it as it is.
func (s *Service) refuse(ctx context.Context, f File, cause error) (File, error) {
	for _, ending := range []interface {
		error
		Reason() string
	}{ErrChecksum, ErrContentType, ErrUnfit} {
		if !errors.Is(cause, ending) {
			continue
		}
		after, err := s.ports.Uploads.Remove(ctx, Removal{
			File: f.ID, From: Uploading, Failure: ending.Reason(), KeepUntil: s.now().Add(rowLife).UnixMilli(),
		})
		switch {
		case err != nil:
			return File{}, err
		case after.State == Complete: // somebody else has found it good
			return after, nil
		}
		s.emptyNow(ctx, after)
		return File{}, cause
	}
	return File{}, cause
}

// check reads what the store holds. Only then it is known that it has all, and has it right.
func (s *Service) check(ctx context.Context, f *File) error {
	head, sum, err := s.read(ctx, f.Upload.Key, f.Size)
	if err != nil {
		return err
	}
	if sum != f.Hash {
		return ErrChecksum
	}
	if f.ContentType, err = f.fits(mediatype.Sniff(head)); err != nil {
		return err
	}
	switch {
	case f.Purpose.isPicture():
		return s.look(ctx, f)
	case f.Purpose == Voice:
		return s.listen(ctx, f)
	default:
		return nil
	}
}

// read answers the beginning and the SHA-256 of a blob.
func (s *Service) read(ctx context.Context, key string, size int64) (head []byte, sum Hash, err error) {
	content, err := s.ports.Blobs.Open(ctx, key, 0, -1)
	if err != nil {
		return nil, sum, storeError(err)
	}
	defer func() { err = errors.Join(err, storeError(content.Close())) }()
	head = make([]byte, min(size, mediatype.SniffBytes))
	if _, err := io.ReadFull(content, head); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, sum, storeError(err)
	}
	hash := sha256.New()
	_, _ = hash.Write(head) // never fails
	if _, err := io.Copy(hash, content); err != nil {
		return nil, sum, storeError(err)
	}
	return head, Hash(hash.Sum(nil)), nil
}

// fits answers the type of bytes that are what the owner says, and what the purpose takes.
func (f File) fits(seen string) (string, error) {
	audio, isVoice := mediatype.Voice(seen)
	switch {
	case f.Purpose.isPicture() && !mediatype.Picture(seen), f.Purpose == Voice && !isVoice:
		return "", ErrContentType
	case f.ContentType != "" && !mediatype.Agrees(f.ContentType, seen):
		return "", ErrContentType
	case f.Purpose == Voice:
		return audio, nil
	default:
		return seen, nil
	}
}

// thumbnailForms of a purpose, the smallest first.
func thumbnailForms(p Purpose) []picture.Form {
	switch p {
	case Image:
		return []picture.Form{{Side: 320}, {Side: 1280}}
	case Avatar:
		return []picture.Form{{Side: 96, Square: true}, {Side: 320, Square: true}}
	default:
		return nil
	}
}

// look reads the header of a picture and makes thumbnails. A picture without them is still one.
func (s *Service) look(ctx context.Context, f *File) error {
	header, err := s.inspect(ctx, f.Upload.Key)
	switch {
	case errors.Is(err, picture.ErrUnfit), errors.Is(err, picture.ErrTooLarge):
		return ErrUnfit.Because(err)
	case err != nil:
		return storeError(err)
	case header.Type != f.ContentType:
		return ErrContentType
	}
	f.Width, f.Height = header.Width, header.Height
	if err := s.shrink(ctx, f, header); err != nil {
		s.logger.WarnContext(ctx, "picture has no thumbnails", "file", f.ID.String(), "error", err)
	}
	return nil
}

func (s *Service) inspect(ctx context.Context, key string) (picture.Header, error) {
	content, err := s.ports.Blobs.Open(ctx, key, 0, -1)
	if err != nil {
		return picture.Header{}, err
	}
	header, err := picture.Inspect(content)
	return header, errors.Join(err, content.Close())
}

// shrink makes and stores thumbnails, in a time of its own; what fails is left out.
func (s *Service) shrink(ctx context.Context, f *File, header picture.Header) error {
	ctx, cancel := context.WithTimeout(ctx, s.share(ctx))
	defer cancel()
	stored, err := s.ports.Blobs.Open(ctx, f.Upload.Key, 0, -1)
	if err != nil {
		return err
	}
	content := blob.Verify(stored, f.Size, f.Hash) // two that make thumbnails make the same
	made, err := s.ports.Thumbnails.Make(ctx, header, content, thumbnailForms(f.Purpose))
	if err == nil {
		_, err = io.Copy(io.Discard, content) // what no decoder wants belongs to the sum
	}
	if err := errors.Join(err, content.Close()); err != nil {
		return err
	}
	f.Thumbnails = nil
	for i, t := range made[:min(len(made), len(f.ThumbnailKeys))] {
		if _, err := blob.Put(ctx, s.ports.Writes, f.ThumbnailKeys[i], t.Content); err != nil {
			return fmt.Errorf("store a thumbnail: %w", err)
		}
		f.Thumbnails = append(f.Thumbnails, Thumbnail{
			Width: t.Width, Height: t.Height, Size: int64(len(t.Content)), ContentType: t.Type, Key: f.ThumbnailKeys[i],
			Hash: sha256.Sum256(t.Content),
		})
	}
	return nil
}

// share is the time for thumbnails: at most half of what is left, for the file is to be made without them too.
func (s *Service) share(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return thumbnailTime
	}
	return min(thumbnailTime, time.Until(end)/2)
}

// listen reads how long a recording is.
func (s *Service) listen(ctx context.Context, f *File) error {
	long, err := mediatype.Duration(blob.NewReaderAt(ctx, s.ports.Blobs, f.Upload.Key, f.Size), f.Size, f.ContentType)
	switch {
	case err != nil:
		return storeError(err)
	case long > longestVoice:
		return ErrUnfit
	}
	f.Duration = long
	return nil
}
