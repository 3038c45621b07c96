// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

func testAudit(t *testing.T, s Storage) {
	ann, ben := ids.NewUser(), ids.NewUser()
	write := func(at int64, actor, target ids.UserID, action string) user.AuditEntry {
		e := user.AuditEntry{
			ID: ids.NewAuditEntry(), At: at, Actor: actor, Action: action, Target: target,
			Reason: "因为 " + fmt.Sprint(at), Detail: "until=5", Origin: user.Origin{Address: "2001:db8::1", RequestID: "r"},
		}
		if err := s.Note(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	var nobody ids.UserID
	first := write(100, ann, ben, "banned")
	second := write(200, nobody, ben, "failed")
	third := write(200, ann, nobody, "looked")
	fourth := write(300, ben, ann, "banned")
	all := []user.AuditEntry{fourth, third, second, first}
	if third.ID.Compare(second.ID) < 0 {
		all[1], all[2] = second, third
	}
	for name, row := range map[string]struct {
		query user.AuditQuery
		want  []user.AuditEntry
	}{
		"all":            {user.AuditQuery{}, all},
		"of an actor":    {user.AuditQuery{Actor: ann}, []user.AuditEntry{third, first}},
		"about a target": {user.AuditQuery{Target: ben}, []user.AuditEntry{second, first}},
		"of an action":   {user.AuditQuery{Action: "banned"}, []user.AuditEntry{fourth, first}},
		"of a time":      {user.AuditQuery{From: 200, Until: 300}, all[1:3]},
		"of all that":    {user.AuditQuery{Actor: ann, Target: ben, Action: "banned", From: 100, Until: 101}, []user.AuditEntry{first}},
		"nothing":        {user.AuditQuery{Actor: ids.NewUser()}, nil},
		"a first page":   {user.AuditQuery{Limit: 2}, all[:2]},
		"the next page":  {user.AuditQuery{After: user.AuditPlace{At: all[1].At, ID: all[1].ID}, Limit: 2}, all[2:]},
	} {
		if row.query.Limit == 0 {
			row.query.Limit = 10
		}
		got, err := s.Entries(t.Context(), row.query)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
