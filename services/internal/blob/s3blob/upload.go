// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parley-chat/parley/services/internal/blob"
)

// firstBytes are waited for before a part takes memory: who sends nothing needs none.
const firstBytes = 512

// octets is the type of all objects: what they are is noted elsewhere.
const octets = "application/octet-stream"

// Begin checks what was asked. Nobody is to announce bytes that have nowhere to go.
func (s *Store) Begin(ctx context.Context, key string, size int64) (blob.Upload, error) {
	if err := s.check(ctx, key); err != nil {
		return blob.Upload{}, err
	}
	if size < 0 || size > blob.MaxBytes {
		return blob.Upload{}, fmt.Errorf("%w: a blob of %d bytes", blob.ErrUnfit, size)
	}
	return blob.Upload{Key: key, Size: size}, nil
}

// Append writes part after part.
func (s *Store) Append(ctx context.Context, u blob.Upload, r io.Reader) (blob.Upload, error) {
	if err := s.check(ctx, u.Key); err != nil {
		return u, err
	}
	now, err := parseState(u)
	if err != nil {
		return u, err
	}
	from := &body{ctx: ctx.Err, r: r}
	for u.Offset < u.Size {
		if !from.some(u.Size - u.Offset) {
			break
		}
		if now, err = s.part(ctx, u, now, from); err != nil {
			return now.note(u), err
		}
		u = now.note(u)
	}
	if from.err != nil {
		return u, fmt.Errorf("%w: %w", blob.ErrCut, from.err)
	}
	return u, nil
}

// body reads what a client sends, and remembers how that ended.
type body struct {
	ctx   func() error
	r     io.Reader
	first [firstBytes]byte
	ahead int // bytes of first that nobody has taken
	end   bool
	err   error // if it did not end well
}

// some waits for a first byte and tells whether there is one.
func (b *body) some(most int64) bool {
	for b.ahead == 0 && !b.end {
		b.ahead = b.read(b.first[:min(firstBytes, most)])
	}
	return b.ahead > 0
}

// take reads into p, first what is ahead.
func (b *body) take(p []byte) int {
	if b.ahead > 0 {
		n := copy(p, b.first[:b.ahead])
		b.ahead = copy(b.first[:], b.first[n:b.ahead])
		return n
	}
	return b.read(p)
}

func (b *body) read(p []byte) int {
	err := b.ctx()
	n := 0
	if err == nil {
		n, err = b.r.Read(p)
	}
	if err != nil {
		b.end = true
		if !errors.Is(err, io.EOF) {
			b.err = err
		}
	}
	return n
}

// part reads one part, as far as it comes, and stores what is there of it. The state that it answers holds
// whatever the error. Storing goes on when ctx has ended: the bytes have come already.
func (s *Store) part(ctx context.Context, u blob.Upload, now state, from *body) (state, error) {
	size := min(blob.StepBytes, u.Size-now.begin())
	buffer, err := s.buffers.take(ctx, size)
	if err != nil {
		return now, fmt.Errorf("%w: no memory is free: %w", blob.ErrUnavailable, err)
	}
	defer s.buffers.give(buffer)
	kept, cancel := s.unhurried(context.WithoutCancel(ctx), partTimeout)
	defer cancel()
	if now.tail > 0 {
		if err := s.readTail(kept, u.Key, now, buffer[:now.tail]); err != nil {
			if errors.Is(err, blob.ErrNotFound) {
				now.tail = 0
			}
			return now, err
		}
	}
	n := s.fill(buffer, now.tail, from)
	stored, cancelStored := s.unhurried(context.WithoutCancel(ctx), partTimeout)
	defer cancelStored()
	if n < size {
		return s.writeTail(stored, u.Key, now, buffer[:n])
	}
	return s.writePart(stored, u, now, buffer)
}

// fill reads until the buffer is full, the body ends, or it is the turn of others.
func (s *Store) fill(buffer []byte, at int64, from *body) int64 {
	over := time.NewTimer(s.turn)
	defer over.Stop()
	for at < int64(len(buffer)) && (from.ahead > 0 || !from.end) {
		select {
		case <-over.C:
			if s.buffers.wanted() {
				return at
			}
			over.Reset(s.turn)
		default:
		}
		at += int64(from.take(buffer[at:]))
	}
	return at
}

// tailKey of the object with the begin of the next part. Each part has its own: a process that died after it wrote one
// and before it noted that must leave the one before.
func tailKey(key string, now state) string { return tails + key + "/" + strconv.Itoa(len(now.tags)) }

func (s *Store) readTail(ctx context.Context, key string, now state, into []byte) error {
	r := &reader{store: s, ctx: func() context.Context { return ctx }, key: tailKey(key, now), rest: int64(len(into))}
	defer r.disconnect()
	err := r.open(ctx)
	if code(err) == "InvalidRange" || err == nil && r.rest < int64(len(into)) {
		return fmt.Errorf("%w: the tail is shorter", blob.ErrNotFound)
	}
	if err != nil {
		return classify(ctx, err)
	}
	_, err = io.ReadFull(r, into)
	return err
}

func (s *Store) writeTail(ctx context.Context, key string, now state, content []byte) (state, error) {
	if int64(len(content)) == now.tail {
		return now, nil
	}
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: s.name(tailKey(key, now)), Body: bytes.NewReader(content), ContentType: aws.String(octets),
	})
	if err != nil {
		return now, classify(ctx, err)
	}
	now.tail, now.tailed = int64(len(content)), true
	return now, nil
}

// writePart stores a whole part. A blob of one part is an upload in parts too: a PutObject that was sent long ago would
// come over the blob, a part of an upload that has ended comes to nothing.
func (s *Store) writePart(ctx context.Context, u blob.Upload, now state, content []byte) (state, error) {
	if now.id == "" {
		out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &s.bucket, Key: s.name(u.Key), ContentType: aws.String(octets),
		})
		if err != nil {
			return now, classify(ctx, err)
		}
		now.id = aws.ToString(out.UploadId)
	}
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: s.name(u.Key), UploadId: &now.id, PartNumber: aws.Int32(number(len(now.tags) + 1)), Body: bytes.NewReader(content),
	})
	err = classify(ctx, err)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrUnavailable) && !isLate(err) && s.isGone(ctx, u.Key, now.id) {
		return state{tailed: now.tailed}, fmt.Errorf("%w: the upload is gone, and all parts with it", blob.ErrNotFound)
	}
	if err != nil {
		return now, err
	}
	now.tags, now.tail = append(slices.Clip(now.tags), aws.ToString(out.ETag)), 0
	return now, nil
}

// Put writes a small blob by one request, for blob.Put.
func (s *Store) Put(ctx context.Context, key string, content []byte) (blob.Object, error) {
	if err := s.check(ctx, key); err != nil {
		return blob.Object{}, err
	}
	limited, cancel := s.unhurried(ctx, partTimeout)
	defer cancel()
	_, err := s.client.PutObject(limited, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: s.name(key), Body: bytes.NewReader(content), ContentType: aws.String(octets),
	})
	if err != nil {
		return blob.Object{}, classify(limited, err)
	}
	return s.Stat(limited, key)
}

// isGone asks for an upload after a part of it broke off: a server that does not know it may hang up while the part is
// still being sent, and then its answer is lost.
func (s *Store) isGone(ctx context.Context, key, id string) bool {
	_, err := s.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &s.bucket, Key: s.name(key), UploadId: &id, MaxParts: aws.Int32(1)})
	return errors.Is(classify(ctx, err), blob.ErrNotFound)
}

// number of a part, which begin with 1.
func number(n int) int32 { return int32(n) } //nolint:gosec // MaxBytes by StepBytes at most

// Finish puts the parts together. One that was done before has no upload any longer, but its blob.
func (s *Store) Finish(ctx context.Context, u blob.Upload) (blob.Object, error) {
	if err := s.check(ctx, u.Key); err != nil {
		return blob.Object{}, err
	}
	now, err := parseState(u)
	if err != nil {
		return blob.Object{}, err
	}
	if u.Offset != u.Size {
		return blob.Object{}, fmt.Errorf("%w: %d of %d bytes", blob.ErrIncomplete, u.Offset, u.Size)
	}
	limited, cancel := s.unhurried(ctx, joinTimeout)
	defer cancel()
	switch {
	case u.Size == 0:
		_, err = s.client.PutObject(limited, &s3.PutObjectInput{Bucket: &s.bucket, Key: s.name(u.Key), ContentType: aws.String(octets)})
	case now.id != "":
		err = s.complete(limited, u.Key, now)
	}
	if err = classify(ctx, err); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return blob.Object{}, err
	}
	object, statErr := s.Stat(limited, u.Key)
	if statErr != nil {
		return blob.Object{}, statErr
	}
	if object.Size != u.Size {
		return blob.Object{}, fmt.Errorf("%w: %d bytes are stored, not %d", blob.ErrDamaged, object.Size, u.Size)
	}
	if now.tailed {
		_ = s.removeTails(limited, u.Key) // what stays is unfinished, and removed as such
	}
	return object, nil
}

func (s *Store) complete(ctx context.Context, key string, now state) error {
	parts := make([]types.CompletedPart, len(now.tags))
	for i, tag := range now.tags {
		parts[i] = types.CompletedPart{ETag: aws.String(tag), PartNumber: aws.Int32(number(i + 1))}
	}
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: s.name(key), UploadId: &now.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}
