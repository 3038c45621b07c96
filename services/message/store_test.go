// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"testing"

	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestFakeStore(t *testing.T) {
	t.Parallel()
	messagetest.TestStore(t, messagetest.NewStore())
}
