// SPDX-License-Identifier: Apache-2.0

package endpointslices_test

import (
	"testing"

	"github.com/parley-chat/parley/services/internal/ring/endpointslices"
)

func TestWithoutAServiceTheRingIsFixed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "0=gateway-0@http://127.0.0.1:1,1=gateway-1@http://127.0.0.1:2": 2} {
		found, err := endpointslices.Find(endpointslices.Options{}, text)
		if err != nil {
			t.Fatal(err)
		}
		if members := found.View().Members(); len(members) != want {
			t.Errorf("%q is a ring of %v", text, members)
		}
	}
	if found, err := endpointslices.Find(endpointslices.Options{}, "gateway-0"); err == nil {
		t.Errorf("nonsense is the ring %v", found)
	}
}
