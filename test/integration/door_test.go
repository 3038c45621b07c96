// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"net/http"
	"testing"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// What the door itself decides: who may call a method at all.
func TestEveryMethodAtTheGateway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	gone := people.Register(t, base, "gone")
	gone.Do(t, "parley.user.v1.AuthService/Logout", &userv1.LogoutRequest{}, &userv1.LogoutResponse{})
	until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
		return gone.Try(t, "parley.user.v1.UserService/GetMe", &userv1.GetMeRequest{})
	})
	expired := people.Register(t, base, "expired")
	sys.Forget(t, expired.LoginSession)
	forged := sys.Identity(t, component.Gateway, component.User, devtest.Subject{UserID: people.NewID(), LoginSessionID: people.NewID(), DeviceID: people.NewID()})
	callers := map[string][]string{
		"nobody":             nil,
		"an empty token":     {"Authorization", "Bearer "},
		"an unknown token":   {"Authorization", "Bearer parley_s1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"a logged-out token": people.Bearer(gone.Token),
		"an expired token":   people.Bearer(expired.Token),
		"another scheme":     {"Authorization", "Basic " + gone.Token},
		"a client identity":  {devtest.IdentityHeader, forged},
	}
	for _, m := range methods() {
		for who, headers := range callers {
			got := people.Call(t, base, m.name, []byte(`{}`), headers...)
			switch {
			case m.allows(accessv1.Level_LEVEL_PUBLIC, ""):
				want := "invalid_argument" // the empty request is wrong; nobody is turned away before
				if m.in.Descriptor().Fields().Len() == 0 {
					want = ""
				}
				if got.Code != want {
					t.Errorf("%s by %s: %s", m.name, who, got)
				}
			case m.allows(accessv1.Level_LEVEL_USER, ""), m.allows(accessv1.Level_LEVEL_ADMIN, ""):
				if got.Code != "unauthenticated" || got.Reason == "" {
					t.Errorf("%s by %s: %s", m.name, who, got)
				}
			default:
				if got.Status != http.StatusNotFound {
					t.Errorf("%s by %s has a route: %s", m.name, who, got)
				}
			}
		}
	}
}

// What a service decides when a component calls it, whatever the gateway does.
func TestEveryMethodDirectly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	user := people.Register(t, sys.Public(0), "direct")
	for _, m := range methods() {
		base := sys.RPC(m.owner)
		if got := people.Call(t, base, m.name, []byte(`{}`)); got.Code != "unauthenticated" {
			t.Errorf("%s without an identity: %s", m.name, got)
		}
		for _, issuer := range component.All() {
			for _, withUser := range []bool{false, true} {
				checkDirect(t, sys, m, issuer, withUser, user)
			}
		}
	}
}

func checkDirect(t *testing.T, sys *devtest.System, m method, issuer component.Name, withUser bool, user *people.Person) {
	t.Helper()
	var subject devtest.Subject
	if withUser {
		subject = devtest.Subject{UserID: user.ID, LoginSessionID: user.LoginSession, DeviceID: user.Device}
	}
	header := sys.Identity(t, issuer, m.owner, subject)
	may := m.allows(accessv1.Level_LEVEL_INTERNAL, issuer) ||
		issuer == component.Gateway && (m.allows(accessv1.Level_LEVEL_PUBLIC, "") || withUser && m.allows(accessv1.Level_LEVEL_USER, ""))
	// A body that no rule of a field lets through: who passes the door changes nothing.
	got := people.Call(t, sys.RPC(m.owner), m.name, []byte(`{"nobodyKnowsThis":1}`), devtest.IdentityHeader, header)
	refused := got.Code == "unauthenticated" || got.Code == "permission_denied"
	if may == refused {
		t.Errorf("%s by %s (user: %t): got %s, allowed: %t", m.name, issuer, withUser, got, may)
	}
	// An identity for another component opens nothing.
	other := component.User
	if m.owner == other {
		other = component.Message
	}
	header = sys.Identity(t, issuer, other, subject)
	if got := people.Call(t, sys.RPC(m.owner), m.name, []byte(`{}`), devtest.IdentityHeader, header); got.Code != "unauthenticated" {
		t.Errorf("%s with an identity for %s: %s", m.name, other, got)
	}
}
