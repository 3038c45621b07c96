// SPDX-License-Identifier: Apache-2.0

package usertest_test

import (
	"testing"

	"github.com/parley-chat/parley/services/user/usertest"
)

func TestFakeStorage(t *testing.T) {
	t.Parallel()
	usertest.TestStorage(t, func(*testing.T) usertest.Storage { return usertest.NewStore() })
}
