// SPDX-License-Identifier: Apache-2.0

// Package s3blob keeps blobs in a bucket of an object store that speaks S3.
//
// A blob is an upload in parts, of which each is signed with its SHA-256, even if there is one: it is put together
// by Finish alone, so that no request that was sent long ago comes over what is whole. What came of a part when a
// body broke off lies in a small object beside, its tail, until the part is whole. Bytes wait for their part in a bounded amount of memory; while others wait for it, a
// slow upload gives its memory back now and then, by way of its tail.
//
// What moves bytes ends when none moved for a while, however long it takes. After a request without an answer the
// store is taken for silent: calls are refused at once, while one question at a time finds out whether it is back.
package s3blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parley-chat/parley/services/internal/blob"
)

// pageKeys is how many keys S3 lists at once.
const pageKeys = 1000

// tails is the folder of tails. It comes behind all blobs in the order of keys.
const tails = "tail/"

// Store is a blob.Store, takes blob.Uploads and is a blob.Presigner.
type Store struct {
	client    *s3.Client
	presigner *s3.PresignClient
	bucket    string
	prefix    string
	timeout   time.Duration
	silence   time.Duration
	turn      time.Duration
	buffers   *buffers
	pulse     *pulse
}

// Interfaces that a bucket offers.
var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Uploads   = (*Store)(nil)
	_ blob.Presigner = (*Store)(nil)
)

// name of the object of a blob.
func (s *Store) name(key string) *string { return aws.String(s.prefix + key) }

// limited bounds one call, with its repetitions.
func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(counted(ctx), s.timeout)
}

// unhurried bounds a call that moves many bytes: it ends by silence long before, if the store is silent.
func (s *Store) unhurried(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(counted(ctx), max(most, s.timeout))
}

// Open begins to read. What it reads later is bounded by ctx alone, and by how long nothing may come.
func (s *Store) Open(ctx context.Context, key string, from, length int64) (io.ReadCloser, error) {
	if err := s.check(ctx, key); err != nil {
		return nil, err
	}
	if from < 0 {
		return nil, fmt.Errorf("%w: a range begins at %d", blob.ErrUnfit, from)
	}
	if length < 0 || length > math.MaxInt64-from {
		length = -1
	}
	if length == 0 {
		_, err := s.Stat(ctx, key)
		return io.NopCloser(strings.NewReader("")), err
	}
	r := &reader{store: s, ctx: func() context.Context { return ctx }, key: key, at: from, rest: length}
	err := r.open(ctx)
	if code(err) == "InvalidRange" { // it begins behind the end
		_, err := s.Stat(ctx, key)
		return io.NopCloser(strings.NewReader("")), err
	}
	if err != nil {
		return nil, classify(ctx, err)
	}
	return r, nil
}

// Stat asks for the head. Where that says that nothing is there, it may be the bucket that is not.
func (s *Store) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := s.check(ctx, key); err != nil {
		return blob.Object{}, err
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	head, err := s.client.HeadObject(limited, &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.name(key)})
	if err == nil {
		return blob.Object{Key: key, Size: aws.ToInt64(head.ContentLength), ModifiedAt: aws.ToTime(head.LastModified)}, nil
	}
	if err = classify(ctx, err); errors.Is(err, blob.ErrNotFound) {
		if bucketErr := s.Check(limited); bucketErr != nil {
			err = bucketErr
		}
	}
	return blob.Object{}, err
}

// Delete removes the object, and what is unfinished under its key.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(ctx, key); err != nil {
		return err
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	_, err := s.client.DeleteObject(limited, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: s.name(key)})
	if err = classify(ctx, err); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return s.Abort(ctx, blob.Upload{Key: key})
}

// List reads page after page.
func (s *Store) List(ctx context.Context, after string, limit int) (found []blob.Object, err error) {
	for len(found) < limit {
		page, more, err := s.objects(ctx, "", after, min(limit-len(found), pageKeys))
		if err != nil {
			return nil, err
		}
		for _, object := range page {
			key := strings.TrimPrefix(aws.ToString(object.Key), s.prefix)
			if key >= tails {
				return found, nil
			}
			if after = key; blob.CheckKey(key) == nil {
				found = append(found, blob.Object{Key: key, Size: aws.ToInt64(object.Size), ModifiedAt: aws.ToTime(object.LastModified)})
			}
		}
		if !more || len(page) == 0 {
			break
		}
	}
	return found, nil
}

// objects is a page of what lies in a folder, after a key in it.
func (s *Store) objects(ctx context.Context, folder, after string, limit int) (page []types.Object, more bool, err error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(s.prefix + folder), MaxKeys: aws.Int32(int32(limit))} //nolint:gosec // at most pageKeys
	if after != "" {
		in.StartAfter = aws.String(s.prefix + folder + after)
	}
	out, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, false, classify(ctx, err)
	}
	return out.Contents, aws.ToBool(out.IsTruncated), nil
}

// Check lists one key, which tells more than the head of the bucket.
func (s *Store) Check(ctx context.Context) error {
	_, _, err := s.objects(ctx, "", "", 1)
	return err
}

// check refuses what cannot be, and all as long as the store is silent.
func (s *Store) check(ctx context.Context, key string) error {
	if err := checkKey(ctx, key); err != nil {
		return err
	}
	return s.awake(ctx)
}

func checkKey(ctx context.Context, key string) error {
	return errors.Join(ctx.Err(), blob.CheckKey(key))
}
