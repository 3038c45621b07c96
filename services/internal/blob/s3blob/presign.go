// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parley-chat/parley/services/internal/blob"
)

// PresignPut signs length and SHA-256: the store takes nothing else.
func (s *Store) PresignPut(ctx context.Context, put blob.PresignedPut) (blob.Request, error) {
	if err := checkKey(ctx, put.Key); err != nil {
		return blob.Request{}, err
	}
	signed, err := s.presigner.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: s.name(put.Key), ContentLength: aws.Int64(put.Size), ContentType: aws.String(octets),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(put.SHA256[:])),
	}, s3.WithPresignExpires(put.Lifetime))
	return request(signed, err)
}

// PresignGet signs how the answer is described, whatever the object says.
func (s *Store) PresignGet(ctx context.Context, get blob.PresignedGet) (blob.Request, error) {
	if err := checkKey(ctx, get.Key); err != nil {
		return blob.Request{}, err
	}
	signed, err := s.presigner.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: s.name(get.Key), ResponseContentType: &get.Type, ResponseContentDisposition: &get.Disposition,
	}, s3.WithPresignExpires(get.Lifetime))
	return request(signed, err)
}

// request leaves out what every client sends by itself.
func request(signed *v4.PresignedHTTPRequest, err error) (blob.Request, error) {
	if err != nil {
		return blob.Request{}, fmt.Errorf("%w: %w", blob.ErrUnfit, err)
	}
	r := blob.Request{Method: signed.Method, URL: signed.URL, Headers: map[string]string{}}
	for name := range signed.SignedHeader {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length":
		default:
			r.Headers[http.CanonicalHeaderKey(name)] = signed.SignedHeader.Get(name)
		}
	}
	return r, nil
}

// clocked signs for the time of a clock.
type clocked struct {
	inner s3.HTTPPresignerV4
	now   func() time.Time
}

// PresignHTTP signs.
func (c clocked) PresignHTTP(
	ctx context.Context, who aws.Credentials, r *http.Request, payload, service, region string, _ time.Time, more ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return c.inner.PresignHTTP(ctx, who, r, payload, service, region, c.now(), more...)
}
