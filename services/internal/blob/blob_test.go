// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
)

func TestKeysAreMadeHereOnly(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		key := blob.NewKey()
		if err := blob.CheckKey(key); err != nil || seen[key] {
			t.Fatalf("key %q: %v, seen before: %t", key, err, seen[key])
		}
		seen[key] = true
	}
	for _, key := range []string{
		"", "a", "../../../etc/passwd", "ab/0123456789012345678901234567", "ab/01234567890123456789012345678X",
		"AB/012345678901234567890123456789", "ab0/12345678901234567890123456789", "ab/0123456789012345678901234567890",
		"ab/01234567890123456789012345678/", "ab/../34567890123456789012345678", "ab/012345678901234567890123456\x0089",
	} {
		if err := blob.CheckKey(key); !errors.Is(err, blob.ErrKey) {
			t.Errorf("%q is taken: %v", key, err)
		}
	}
}
