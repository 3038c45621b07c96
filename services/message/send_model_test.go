// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/message/messagetest"
)

func TestRandomHistoriesDoWhatTheModelSays(t *testing.T) {
	t.Parallel()
	service := messagetest.Start(t, messagetest.NewStore(), 2)
	rapid.Check(t, func(rt *rapid.T) {
		messagetest.Replay(t, rt, service, messagetest.Steps().Draw(rt, "steps"))
	})
}

func TestF19_RandomHistoriesOfFilesShowThemToMembersOnly(t *testing.T) {
	t.Parallel()
	service := messagetest.Start(t, messagetest.NewStore(), 2)
	rapid.Check(t, func(rt *rapid.T) {
		messagetest.ReplayGroup(t, rt, service, messagetest.FileSteps().Draw(rt, "steps"))
	})
}

func TestRandomHistoriesOfGroupsDoWhatTheModelSays(t *testing.T) {
	t.Parallel()
	service := messagetest.Start(t, messagetest.NewStore(), 2)
	rapid.Check(t, func(rt *rapid.T) {
		messagetest.ReplayGroup(t, rt, service, messagetest.GroupSteps().Draw(rt, "steps"))
	})
}
