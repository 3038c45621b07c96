// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestF47_DeniedCallsAreNotedUpToALimit(t *testing.T) {
	t.Parallel()
	f := usertest.NewFixture()
	ann := f.Person(t, "ann", "Ann").Session.UserID
	before := len(f.Store.Audited())
	for range 30 {
		f.NoteDenied(t.Context(), ann, "/parley.user.v1.AdminService/BanUser")
	}
	got := f.Store.Audited()[before:]
	if len(got) != 20 {
		t.Fatalf("%d entries of 30 denied calls in an hour, want 20", len(got))
	}
	want := user.AuditEntry{
		ID: got[0].ID, At: f.Clock.Now().UnixMilli(), Actor: ann, Action: "call.denied",
		Detail: "call=/parley.user.v1.AdminService/BanUser", Origin: usertest.TestOrigin(),
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	f.Clock.Advance(time.Hour)
	f.NoteDenied(t.Context(), ann, "x")
	if n := len(f.Store.Audited()) - before; n != 21 {
		t.Errorf("%d entries an hour later, want one more", n)
	}
}
