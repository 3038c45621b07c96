// SPDX-License-Identifier: Apache-2.0

// Package auditapi turns entries of an audit log into what clients see of them.
package auditapi

import (
	auditv1 "github.com/parley-chat/parley/api/gen/parley/audit/v1"
	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Query reads a filter; it has no limit and no place yet.
func Query(f *auditv1.Filter) (audit.Query, error) {
	q := audit.Query{Action: f.GetAction(), From: f.GetFromTime(), Until: f.GetUntilTime()}
	var err error
	if text := f.GetActorId(); text != "" {
		if q.Actor, err = ids.ParseUser("filter.actor_id", text); err != nil {
			return q, err
		}
	}
	if text := f.GetTargetId(); text != "" {
		q.Target, err = ids.ParseUser("filter.target_id", text)
	}
	return q, err
}

// Entries are those of a page.
func Entries(entries []audit.Entry) []*auditv1.Entry {
	list := make([]*auditv1.Entry, len(entries))
	for i, e := range entries {
		list[i] = &auditv1.Entry{
			EntryId: e.ID.String(), At: e.At, ActorId: e.Actor.Optional(), Action: e.Action, TargetId: e.Target.Optional(),
			Reason: e.Reason, Detail: e.Detail, ClientAddress: e.Address, RequestId: e.RequestID,
		}
	}
	return list
}
