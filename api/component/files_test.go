// SPDX-License-Identifier: Apache-2.0

package component_test

import (
	"testing"

	"github.com/parley-chat/parley/api/component"
)

func TestTheOriginOfAnObjectStore(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		endpoint, bucket string
		pathStyle        bool
		want             string
	}{
		"the bucket in the path":       {"https://s3.example.com", "acme", true, "https://s3.example.com"},
		"the bucket in the name":       {"https://s3.example.com:9000/", "acme", false, "https://acme.s3.example.com:9000"},
		"a path":                       {"https://example.com/s3", "acme", true, "https://example.com"},
		"a bucket with dots over TLS":  {"https://s3.example.com", "files.acme", false, "https://s3.example.com"},
		"a bucket with dots":           {"http://s3.example.com", "files.acme", false, "http://files.acme.s3.example.com"},
		"an address has no subdomains": {"http://127.0.0.1:9000", "acme", false, "http://127.0.0.1:9000"},
		"nor has one of version 6":     {"http://[::1]:9000", "acme", false, "http://[::1]:9000"},
		"a bucket that is not known":   {"https://s3.example.com", "", false, "https://s3.example.com"},
		"nothing":                      {"", "acme", true, ""},
		"no address of the web":        {"s3://acme", "acme", true, ""},
		"no host":                      {"https:///acme", "acme", true, ""},
		"what is no address":           {"https://a b", "acme", true, ""},
	} {
		if got := component.ObjectStoreOrigin(row.endpoint, row.bucket, row.pathStyle); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
