// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Abort removes all that is unfinished under a key, whether its state is known or not.
func (s *Store) Abort(ctx context.Context, u blob.Upload) error {
	if err := s.check(ctx, u.Key); err != nil {
		return err
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	for marker, idMarker, more := "", "", true; more; {
		var page []types.MultipartUpload
		var err error
		if page, marker, idMarker, more, err = s.uploads(limited, u.Key, marker, idMarker); err != nil {
			return err
		}
		for _, upload := range page {
			_, err := s.client.AbortMultipartUpload(limited, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: upload.Key, UploadId: upload.UploadId})
			if err = classify(ctx, err); err != nil && !errors.Is(err, blob.ErrNotFound) {
				return err
			}
		}
	}
	return s.removeTails(limited, u.Key)
}

// removeTails removes the tails of an upload.
func (s *Store) removeTails(ctx context.Context, key string) error {
	page, _, err := s.objects(ctx, tails+key+"/", "", pageKeys) // a blob has fewer parts
	if err != nil {
		return err
	}
	for _, object := range page {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: object.Key})
		if err = classify(ctx, err); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return err
		}
	}
	return nil
}

// uploads is a page of uploads in parts under keys with a prefix, and where the next begins.
func (s *Store) uploads(ctx context.Context, prefix, after, afterID string) (page []types.MultipartUpload, marker, idMarker string, more bool, err error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	in := &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: aws.String(s.prefix + prefix), MaxUploads: aws.Int32(pageKeys)}
	if after != "" {
		in.KeyMarker = &after
	}
	if afterID != "" {
		in.UploadIdMarker = &afterID
	}
	out, err := s.client.ListMultipartUploads(ctx, in)
	if err != nil {
		return nil, "", "", false, classify(ctx, err)
	}
	return out.Uploads, aws.ToString(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker), aws.ToBool(out.IsTruncated), nil
}

// Unfinished merges uploads in parts and tails, each key once with its oldest part.
func (s *Store) Unfinished(ctx context.Context, after string, limit int) ([]blob.Object, error) {
	found := map[string]blob.Object{}
	note := func(key string, object blob.Object) {
		if key <= after || blob.CheckKey(key) != nil {
			return
		}
		if known, ok := found[key]; !ok || object.ModifiedAt.Before(known.ModifiedAt) {
			object.Key = key
			found[key] = object
		}
	}
	if err := s.eachUpload(ctx, after, limit, note); err != nil {
		return nil, err
	}
	if err := s.eachTail(ctx, after, limit, note); err != nil {
		return nil, err
	}
	sorted := make([]blob.Object, 0, len(found))
	for _, object := range found {
		sorted = append(sorted, object)
	}
	slices.SortFunc(sorted, func(a, b blob.Object) int { return cmp.Compare(a.Key, b.Key) })
	return sorted[:min(limit, len(sorted))], nil
}

// eachUpload goes over uploads in parts until there were limit keys.
func (s *Store) eachUpload(ctx context.Context, after string, limit int, note func(string, blob.Object)) error {
	marker, idMarker, more := "", "", true
	if after != "" {
		marker = s.prefix + after
	}
	last := ""
	for seen := 0; more && seen <= limit; {
		var page []types.MultipartUpload
		var err error
		if page, marker, idMarker, more, err = s.uploads(ctx, "", marker, idMarker); err != nil {
			return err
		}
		for _, upload := range page {
			key := strings.TrimPrefix(aws.ToString(upload.Key), s.prefix)
			note(key, blob.Object{ModifiedAt: aws.ToTime(upload.Initiated)})
			if key != last {
				last = key
				seen++
			}
		}
	}
	return nil
}

// eachTail goes over tails until there were limit keys.
func (s *Store) eachTail(ctx context.Context, after string, limit int, note func(string, blob.Object)) error {
	if after != "" {
		after += "0" // comes behind the slash of the tails of the key
	}
	last := ""
	for seen := 0; seen <= limit; {
		page, more, err := s.objects(ctx, tails, after, pageKeys)
		if err != nil {
			return err
		}
		for _, object := range page {
			after = strings.TrimPrefix(aws.ToString(object.Key), s.prefix+tails)
			key := after[:max(0, strings.LastIndexByte(after, '/'))]
			note(key, blob.Object{Size: aws.ToInt64(object.Size), ModifiedAt: aws.ToTime(object.LastModified)})
			if key != last {
				last = key
				seen++
			}
		}
		if !more || len(page) == 0 {
			break
		}
	}
	return nil
}
