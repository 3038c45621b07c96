// SPDX-License-Identifier: Apache-2.0

package s3blob_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Pages may reach the origin that the gateway was told, and no other.
func TestSignedAddressesHaveTheOriginThatIsTold(t *testing.T) {
	t.Parallel()
	buckets := map[string][]string{
		"https://s3.example.com": {"acme", "files.acme"}, "http://s3.example.com:9000": {"acme", "files.acme"}, "https://example.com/below": {"acme"},
		"http://127.0.0.1:9000": {"acme"}, "http://[::1]:9000": {"acme"},
	}
	for endpoint, names := range buckets {
		for _, bucket := range names {
			for _, pathStyle := range []bool{true, false} {
				store, err := s3blob.Open(s3blob.Config{
					Endpoint: "http://inside:9000", PublicEndpoint: endpoint, Bucket: bucket, PathStyle: pathStyle,
					AccessKeyID: "id", SecretAccessKey: secret.New("key"),
				})
				if err != nil {
					t.Fatal(err)
				}
				signed, err := store.PresignGet(t.Context(), blob.PresignedGet{Key: blob.NewKey(), Type: "image/png", Disposition: "inline", Lifetime: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				u, err := url.Parse(signed.URL)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := u.Scheme+"://"+u.Host, component.ObjectStoreOrigin(endpoint, bucket, pathStyle); got != want {
					t.Errorf("%s, bucket %s, in the path %v: signed for %s, told %s", endpoint, bucket, pathStyle, got, want)
				}
			}
		}
	}
}
