// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// What somebody does about the membership of one person.
const (
	opAdd    = iota // puts them in
	opRemove        // takes them out
	opSend          // tells whether they are in
)

type memberOp struct {
	kind int
	user ids.UserID
}

// membership says what one person's membership is: in or out, one person at a time.
func membership() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byUser := map[ids.UserID][]porcupine.Operation{}
			for _, op := range history {
				user := op.Input.(memberOp).user //nolint:forcetypeassert // written below
				byUser[user] = append(byUser[user], op)
			}
			var parts [][]porcupine.Operation
			for _, part := range byUser {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return true },
		Step: func(state, input, output any) (bool, any) {
			switch input.(memberOp).kind { //nolint:forcetypeassert // written below
			case opAdd:
				return true, true
			case opRemove:
				return true, false
			default:
				return state == output, state
			}
		},
	}
}

// linearizable has the owner put members in and out while these send: each answer must fit to one order of
// all that is between the call and its answer.
func (s suite) linearizable(t *testing.T) {
	const each = 12
	id, list := s.group(t, 4)
	owner := list[0]
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex // guards history
		history []porcupine.Operation
		begin   = time.Now()
	)
	try := func(client int, op memberOp) {
		called := time.Since(begin)
		output, err := s.member(t, id, owner, op)
		if err != nil {
			t.Errorf("operation %d: %v", op.kind, err)
		}
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{
			ClientId: client, Input: op, Call: int64(called), Output: output, Return: int64(time.Since(begin)),
		})
	}
	for i, user := range list[1:] {
		for lane, kinds := range [][]int{{opSend}, {opSend, opSend}, {opRemove, opAdd}} {
			wg.Go(func() {
				for n := range each {
					try(3*i+lane, memberOp{kinds[n%len(kinds)], user})
				}
			})
		}
	}
	wg.Wait()
	if result := porcupine.CheckOperationsTimeout(membership(), history, time.Minute); result != porcupine.Ok {
		t.Errorf("the history of %d operations is %s", len(history), result)
	}
}

// member does one operation; a send answers whether its sender is a member.
func (s suite) member(t *testing.T, id ids.ConversationID, owner ids.UserID, op memberOp) (is bool, err error) {
	kind := message.UsersJoined
	switch op.kind {
	case opSend:
		committed, err := s.tryAppend(t.Context(), start, NewDraft(op.user, id, "x"))
		if err == nil {
			err = committed.Results[0].Err
		}
		if errors.Is(err, message.ErrNotFound) {
			return false, nil
		}
		return true, err
	case opRemove:
		kind = message.UserRemoved
	}
	_, err = s.store.ChangeGroup(t.Context(), action(id, owner, kind, start, op.user))
	return false, err
}
