// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// row of the matrix: one method on one object, and the answer of each caller.
type row struct {
	method string
	object string
	in     any // a proto.Message, or a func(caller *people.Person) proto.Message
	want   answers
}

// answers of a row by caller. A caller without an entry gets that of "rest"; "" is not asked.
type answers map[string]string

func (a answers) of(caller string) string {
	if want, named := a[caller]; named {
		return want
	}
	return a["rest"]
}

// with is the same but for what is named in others.
func (a answers) with(others answers) answers {
	made := answers{}
	for _, one := range []answers{a, others} {
		maps.Copy(made, one)
	}
	return made
}

const (
	ok       = "ok"
	notFound = "not_found NOT_FOUND"

	forbidden = "permission_denied FORBIDDEN"

	noRequest  = "not_found REQUEST_NOT_FOUND"
	noFriend   = "failed_precondition NOT_FRIENDS"
	notAGroup  = "failed_precondition NOT_A_GROUP"
	notReady   = "failed_precondition FILE_NOT_READY"
	wrongPass  = "permission_denied PASSWORD_WRONG"
	wrong      = "invalid_argument CONTENT_INVALID"
	nobodyElse = ""
)

// Answers that many rows share.
var (
	all  = answers{"rest": ok}
	none = answers{"rest": notFound}
	// of c.conversation
	pair = answers{"rest": notFound, "friend": ok, "owner": ok}
	// of c.group
	members = answers{"rest": notFound, "member": ok, "admin": ok, "owner": ok}
	admins  = answers{"rest": notFound, "member": forbidden, "admin": ok, "owner": ok}
	ownerOf = answers{"rest": notFound, "member": forbidden, "admin": forbidden, "owner": ok}
	noGroup = answers{"rest": notFound, "friend": notAGroup, "owner": notAGroup}
)

// rows lists object rules; order matters only where a row changes something, and those come last.
func (c *cast) rows() []row {
	var rows []row
	for _, part := range [][]row{
		c.userRows(), c.friendRows(), c.conversationRows(), c.messageRows(), c.groupRows(), c.fileRows(), c.endingRows(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	boss, callers := newOwner(t, sys), c.callers()
	// Who helps or rules on the instance may do no more than strangers where people talk.
	callers["moderator"] = newStaff(t, sys, boss, accessv1.Role_ROLE_MODERATOR)
	callers["administrator"] = newStaff(t, sys, boss, accessv1.Role_ROLE_ADMIN)
	names := slices.Concat([]string{"moderator", "administrator"}, columns)
	asked := map[string]map[string]bool{}
	refusals := map[string]refusal{}
	for _, r := range c.rows() {
		if asked[r.method] == nil {
			asked[r.method] = map[string]bool{}
		}
		for _, name := range names {
			want := r.want.of(name)
			if want == "" {
				continue
			}
			asked[r.method][name] = true
			got := callers[name].Try(t, r.method, r.request(callers[name]))
			if got.String() != want {
				t.Errorf("%s on %s by %s: got %q, want %q", r.method, r.object, name, got, want)
			}
			checkAlike(t, refusals, r, name, got)
		}
	}
	for _, m := range methods() {
		for _, name := range names {
			if m.allows(accessv1.Level_LEVEL_USER, "") && !asked[m.name][name] {
				t.Errorf("%s is never called by %s in the matrix", m.name, name)
			}
		}
	}
}

func (r row) request(caller *people.Person) proto.Message {
	if byCaller, own := r.in.(func(*people.Person) proto.Message); own {
		return byCaller(caller)
	}
	return r.in.(proto.Message) //nolint:forcetypeassert // a row that holds something else is a mistake
}

// refusal is an answer, and for what it was given first.
type refusal struct{ object, caller, body string }

// checkAlike compares all answers of a method which say that something is not there: what is missing, what
// is foreign and what was left must not be told apart, by no byte.
func checkAlike(t *testing.T, seen map[string]refusal, r row, caller string, got people.Answer) {
	t.Helper()
	if got.Code != "not_found" {
		return
	}
	now := refusal{r.object, caller, string(got.Body)}
	first, known := seen[r.method+got.Reason]
	if !known {
		seen[r.method+got.Reason] = now
	} else if first.body != now.body {
		t.Errorf("%s tells %q from %q:\n%s: %s\n%s: %s", r.method, first.object, now.object, first.caller, first.body, now.caller, now.body)
	}
}

// text is a send of a new message by each caller.
func text(conversation string) func(*people.Person) proto.Message {
	return func(*people.Person) proto.Message { return people.Text(conversation, "hi") }
}

// answerTo is a message that answers another one.
func answerTo(conversation string, seq int64) *messagev1.SendRequest {
	send := people.Text(conversation, "hi")
	send.ReplyToSeq = seq
	return send
}

// answer is a send of an answer by each caller.
func answer(conversation string, seq int64) func(*people.Person) proto.Message {
	return func(*people.Person) proto.Message { return answerTo(conversation, seq) }
}

// forward is a message of another conversation, sent on by each caller.
func forward(conversation, from string, seq int64) func(*people.Person) proto.Message {
	return func(*people.Person) proto.Message {
		return &messagev1.SendRequest{
			ConversationId: conversation, ClientMessageId: people.NewID(), ForwardOf: &messagev1.Source{ConversationId: from, Seq: seq},
		}
	}
}
