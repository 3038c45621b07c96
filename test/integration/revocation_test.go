// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"testing"
	"time"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// A login session that was ended is refused at every gateway. The time is printed, not judged: the
// promise is two seconds.
func TestAnEndedLoginSessionIsDeadAtEveryGateway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	p := people.Register(t, sys.Public(0), "leaver")
	for i := range 2 { // both gateways have seen the token and may remember it
		if got := people.Call(t, sys.Public(i), "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(p.Token)...); got.String() != ok {
			t.Fatalf("gateway %d: %s", i, got)
		}
	}
	p.Do(t, "parley.user.v1.AuthService/Logout", &userv1.LogoutRequest{}, &userv1.LogoutResponse{})
	start := time.Now()
	for i := range 2 {
		got := until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
			return people.Call(t, sys.Public(i), "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(p.Token)...)
		})
		t.Logf("gateway %d refuses after %s: %s", i, time.Since(start).Round(time.Millisecond), got)
	}
}
