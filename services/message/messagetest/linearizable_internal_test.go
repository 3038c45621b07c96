// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/parley-chat/parley/services/internal/ids"
)

// The judge is tried first: it must tell a good history from a broken one.
func TestTheJudgeOfMembership(t *testing.T) {
	t.Parallel()
	user, other := ids.NewUser(), ids.NewUser()
	op := func(kind int, who ids.UserID, call, back int64, is bool) porcupine.Operation {
		return porcupine.Operation{ClientId: int(call), Input: memberOp{kind, who}, Call: call, Return: back, Output: is}
	}
	for name, row := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"a send, a removal, a refusal": {[]porcupine.Operation{
			op(opSend, user, 1, 2, true), op(opRemove, user, 3, 4, false), op(opSend, user, 5, 6, false),
		}, true},
		"either answer while the removal is under way": {[]porcupine.Operation{
			op(opRemove, user, 1, 9, false), op(opSend, user, 2, 3, true), op(opSend, user, 4, 5, false),
		}, true},
		"another person is still in": {[]porcupine.Operation{
			op(opRemove, user, 1, 2, false), op(opSend, other, 3, 4, true),
		}, true},
		"a send after the removal was acknowledged": {[]porcupine.Operation{
			op(opRemove, user, 1, 2, false), op(opSend, user, 3, 4, true),
		}, false},
		"a refusal of who is in": {[]porcupine.Operation{op(opSend, user, 1, 2, false)}, false},
		"out, and in again without an addition": {[]porcupine.Operation{
			op(opRemove, user, 1, 9, false), op(opSend, user, 2, 3, false), op(opSend, user, 4, 5, true),
		}, false},
	} {
		if got := porcupine.CheckOperations(membership(), row.history); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}
