// SPDX-License-Identifier: Apache-2.0

package auditapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	auditv1 "github.com/parley-chat/parley/api/gen/parley/audit/v1"
	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/audit/auditapi"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestAFilterIsReadAndRefused(t *testing.T) {
	t.Parallel()
	ann, ben := ids.NewUser(), ids.NewUser()
	got, err := auditapi.Query(&auditv1.Filter{
		ActorId: ann.String(), TargetId: ben.String(), Action: "role.set", FromTime: 5, UntilTime: 6,
	})
	if want := (audit.Query{Actor: ann, Target: ben, Action: "role.set", From: 5, Until: 6}); err != nil || got != want {
		t.Errorf("query %+v, %v", got, err)
	}
	if got, err := auditapi.Query(nil); err != nil || got != (audit.Query{}) {
		t.Errorf("without a filter: %+v, %v", got, err)
	}
	for _, f := range []*auditv1.Filter{{ActorId: "x"}, {TargetId: "x"}} {
		if _, err := auditapi.Query(f); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", f, err)
		}
	}
}

func TestAnEntryShowsNobodyAsEmpty(t *testing.T) {
	t.Parallel()
	e := audit.New(audit.Entry{At: 7, Action: "login.failed", Detail: "by=code"}, audit.Origin{Address: "a", RequestID: "r"})
	want := []*auditv1.Entry{{
		EntryId: e.ID.String(), At: 7, Action: "login.failed", Detail: "by=code", ClientAddress: "a", RequestId: "r",
	}}
	if diff := cmp.Diff(want, auditapi.Entries([]audit.Entry{e}), protocmp.Transform()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
