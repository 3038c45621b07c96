// SPDX-License-Identifier: Apache-2.0

package friendtest_test

import (
	"testing"

	"github.com/parley-chat/parley/services/friend/friendtest"
)

func TestFakeStorage(t *testing.T) {
	t.Parallel()
	friendtest.TestStorage(t, func(*testing.T) friendtest.Storage { return friendtest.NewStore() })
}
