// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

// columns names the callers of the matrix, in the order in which they are asked: the owner comes last,
// so that a call which ends something is refused to all others before it succeeds.
var columns = []string{"stranger", "blocked", "former", "friend", "member", "admin", "owner"}

// cast of the matrix.
type cast struct {
	owner    *people.Person
	admin    *people.Person // of the groups, and a friend of owner
	member   *people.Person // of the groups, and a friend of owner
	friend   *people.Person // of owner, in no group
	former   *people.Person // was a member of group and a friend of owner
	blocked  *people.Person // by owner, whose friend it was
	stranger *people.Person // asked owner and waits
	third    *people.Person // a friend of owner, member of the groups, who never calls

	conversation string // of owner and friend; owner said number 1
	closed       string // of owner and former, closed
	sealed       string // of owner and blocked, closed
	group        string // of owner, admin, member and third; former left it
	second       string // of owner, admin, member and third
	byMember     int64  // what member said in group
	byOwner      int64  // what owner said in group
	pending      string // request of stranger to owner
	asked        string // request of friend to stranger
	file         string // of owner, shown nowhere
	draft        string // an upload of owner with all its bytes, not completed
	recording    string // of owner, shown by number 2 of the conversation
}

func newCast(t *testing.T, base string) *cast {
	t.Helper()
	c := &cast{}
	for name, p := range map[string]**people.Person{
		"owner": &c.owner, "admin": &c.admin, "member": &c.member, "friend": &c.friend, "former": &c.former,
		"blocked": &c.blocked, "stranger": &c.stranger, "third": &c.third,
	} {
		*p = people.Register(t, base, name)
	}
	for _, p := range []*people.Person{c.admin, c.member, c.third} {
		people.Befriend(t, c.owner, p)
	}
	c.conversation = people.Befriend(t, c.owner, c.friend)
	c.owner.Do(t, "parley.message.v1.MessageService/Send", people.Text(c.conversation, "to a friend"), &messagev1.SendResponse{})
	c.recording = c.owner.Upload(t, filev1.Purpose_PURPOSE_VOICE, "voice.wav", aRecording()).GetFileId()
	c.owner.Do(t, "parley.message.v1.MessageService/Send", voice(c.conversation, c.recording), &messagev1.SendResponse{})
	c.closed = people.Befriend(t, c.owner, c.former)
	c.groups(t)
	c.former.Do(t, "parley.friend.v1.FriendService/RemoveFriend", &friendv1.RemoveFriendRequest{UserId: c.owner.ID}, &friendv1.RemoveFriendResponse{})
	c.sealed = people.Befriend(t, c.owner, c.blocked)
	c.owner.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: c.blocked.ID}, &friendv1.BlockUserResponse{})
	c.pending = people.Request(t, c.stranger, c.owner)
	c.asked = people.Request(t, c.friend, c.stranger)
	c.file = c.owner.Upload(t, filev1.Purpose_PURPOSE_FILE, "a.txt", []byte("a file")).GetFileId()
	content := []byte("an upload")
	c.draft = c.owner.Draft(t, people.Announce(filev1.Purpose_PURPOSE_FILE, "b.txt", content), content)
	return c
}

func (c *cast) groups(t *testing.T) {
	t.Helper()
	c.group = people.Group(t, c.owner, c.admin, c.member, c.third, c.former)
	c.second = people.Group(t, c.owner, c.admin, c.member, c.third)
	for _, group := range []string{c.group, c.second} {
		c.owner.Do(t, "parley.message.v1.ConversationService/SetMemberRole", &messagev1.SetMemberRoleRequest{
			ConversationId: group, UserId: c.admin.ID, Role: messagev1.MemberRole_MEMBER_ROLE_ADMIN,
		}, &messagev1.SetMemberRoleResponse{})
	}
	var said messagev1.SendResponse
	c.member.Do(t, "parley.message.v1.MessageService/Send", people.Text(c.group, "to a group"), &said)
	c.byMember = said.GetSent().GetSeq()
	c.owner.Do(t, "parley.message.v1.MessageService/Send", people.Text(c.group, "to a group"), &said)
	c.byOwner = said.GetSent().GetSeq()
	c.former.Do(t, "parley.message.v1.ConversationService/LeaveGroup", &messagev1.LeaveGroupRequest{ConversationId: c.group}, &messagev1.LeaveGroupResponse{})
}

// callers by the names of columns.
func (c *cast) callers() map[string]*people.Person {
	return map[string]*people.Person{
		"owner": c.owner, "admin": c.admin, "member": c.member, "friend": c.friend, "former": c.former,
		"blocked": c.blocked, "stranger": c.stranger,
	}
}
