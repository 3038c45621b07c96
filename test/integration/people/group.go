// SPDX-License-Identifier: Apache-2.0

package people

import (
	"testing"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// NewGroup asks for a group with a new key.
func NewGroup(memberIDs ...string) *messagev1.CreateGroupRequest {
	return &messagev1.CreateGroupRequest{IdempotencyKey: NewID(), Name: "Tea", MemberIds: memberIDs}
}

// Group makes a group of a person and friends, and answers its id.
func Group(t testing.TB, owner *Person, friends ...*Person) string {
	t.Helper()
	list := make([]string, len(friends))
	for i, friend := range friends {
		list[i] = friend.ID
	}
	var out messagev1.CreateGroupResponse
	owner.Do(t, "parley.message.v1.ConversationService/CreateGroup", NewGroup(list...), &out)
	return out.GetConversation().GetConversationId()
}
