// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	someone := `{"userId":"` + ids.NewUser().String() + `"}`
	several := `{"userIds":["` + ids.NewUser().String() + `"]}`
	entry := `{"username":"ada","password":"x","device":{"deviceId":"` + ids.NewDevice().String() + `"}}`
	for name, row := range map[string]struct {
		path, body string
		issuer     component.Name
		user       bool
		want       string // reason; empty: let in
	}{
		"PUBLIC, anybody through the gateway":         {login, entry, component.Gateway, false, ""},
		"PUBLIC, a user through the gateway":          {login, entry, component.Gateway, true, ""},
		"PUBLIC, not from another component":          {login, entry, component.Friend, false, "FORBIDDEN"},
		"USER, with a user":                           {getUser, someone, component.Gateway, true, ""},
		"USER, without a user":                        {getUser, someone, component.Gateway, false, "UNAUTHENTICATED"},
		"USER, from another component with a user":    {getUser, someone, component.Friend, true, "FORBIDDEN"},
		"INTERNAL, the named component":               {searchUsers, `{"query":"ada","pageSize":10}`, component.Friend, true, ""},
		"INTERNAL, the gateway is not named":          {searchUsers, `{"query":"ada","pageSize":10}`, component.Gateway, true, "FORBIDDEN"},
		"INTERNAL, a component that is not named":     {searchUsers, `{"query":"ada","pageSize":10}`, component.Transmit, false, "FORBIDDEN"},
		"USER or INTERNAL, a user":                    {batchGet, several, component.Gateway, true, ""},
		"USER or INTERNAL, the named component":       {batchGet, several, component.Friend, false, ""},
		"USER or INTERNAL, a component without right": {batchGet, several, component.Message, true, "FORBIDDEN"},
	} {
		got := r.post(call{path: row.path, body: []byte(row.body), header: map[string]string{
			identity.Header: r.header(row.issuer, row.user),
		}})
		if got.Reason != row.want || (row.want == "") != (got.Status == 200) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestACallWithoutAValidIdentity(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	foreign, err := r.keys[component.Gateway].Sign(identity.Caller{}, component.Message, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"none": "", "nonsense": "nonsense", "another component's": foreign,
	} {
		for _, path := range []string{getMe, login, searchUsers} {
			// What is wrong with the message is not told to a caller that is not known.
			for _, body := range []string{"{}", "{", `{"nonsense":1}`} {
				got := r.post(call{path: path, body: []byte(body), header: map[string]string{identity.Header: header}})
				if got.Status != 401 || got.Reason != "IDENTITY_INVALID" || len(got.Metadata) != 0 {
					t.Errorf("%s, %s %s: got %+v", name, path, body, got)
				}
			}
		}
	}
}

// A caller that may not call learns nothing of what its message would have caused, and cannot make the
// server read a large one.
func TestACallerThatMayNotCallIsToldOnlyThat(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for name, body := range map[string]string{
		"a good message":      `{"query":"ada"}`,
		"a broken one":        `{`,
		"an unknown field":    `{"nonsense":1}`,
		"one against a rule":  `{"query":""}`,
		"one that is too big": strings.Repeat(" ", 2<<20),
	} {
		got := r.post(call{path: searchUsers, body: []byte(body)})
		if got.Status != 403 || got.Reason != "FORBIDDEN" || len(got.Metadata) != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTwoIdentitiesAreNone(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Add(identity.Header, r.header(component.Gateway, true))
	request.Header.Add(identity.Header, r.header(component.Gateway, true))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := r.read(response); got.Reason != "IDENTITY_INVALID" {
		t.Fatalf("got %+v", got)
	}
}

func TestTheHandlerSeesTheCaller(t *testing.T) {
	t.Parallel()
	var got identity.Caller
	r := start(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		got = identity.FromContext(ctx)
		return &userv1.GetMeResponse{}, nil
	})
	want := identity.Caller{
		Issuer: component.Gateway, UserID: ids.NewUser(), LoginSessionID: ids.NewLoginSession(),
		DeviceID: ids.NewDevice(), RequestID: "r-1", ClientAddress: "203.0.113.9",
	}
	header, err := r.keys[component.Gateway].Sign(want, component.User, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if a := r.post(call{path: getMe, body: []byte("{}"), header: map[string]string{identity.Header: header}}); a.Status != 200 {
		t.Fatalf("got %+v", a)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
