// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	adminService      = "parley.user.v1.AdminService/"
	moderationService = "parley.message.v1.ModerationService/"
)

// newOwner is somebody with all rights, who came by a link.
func newOwner(t *testing.T, sys *devtest.System) *people.Person {
	t.Helper()
	p := people.Register(t, sys.Public(0), "boss")
	p.Do(t, adminService+"ClaimAdministrator", &userv1.ClaimAdministratorRequest{Token: sys.AdministratorLink(t)}, &userv1.ClaimAdministratorResponse{})
	return p
}

// newStaff is somebody to whom the owner gave a role.
func newStaff(t *testing.T, sys *devtest.System, owner *people.Person, role accessv1.Role) *people.Person {
	t.Helper()
	p := people.Register(t, sys.Public(0), "staff")
	owner.Do(t, adminService+"SetRole", &userv1.SetRoleRequest{UserId: p.ID, Role: role, Reason: "helps"}, &userv1.SetRoleResponse{})
	return p
}

// staff are the callers of the matrix with a role, in the order in which they are asked.
var staff = []string{"auditor", "moderator", "administrator", "owner of all"}

// moderationRows have an answer for each role; all other callers are refused before anything is looked at.
func (c *cast) moderationRows(boss *people.Person) []row {
	target, nobody := c.third.ID, people.NewID()
	day := time.Now().Add(24 * time.Hour).UnixMilli()
	reads := answers{"auditor": ok, "moderator": forbidden, "administrator": ok, "owner of all": ok}
	acts := answers{"auditor": forbidden, "moderator": forbidden, "administrator": ok, "owner of all": ok}
	mods := answers{"auditor": forbidden, "moderator": ok, "administrator": ok, "owner of all": ok}
	missing := answers{"auditor": notFound, "moderator": notFound, "administrator": notFound, "owner of all": notFound}
	byMods := answers{"auditor": forbidden, "moderator": notFound, "administrator": notFound, "owner of all": notFound}
	onOwner := answers{"auditor": forbidden, "moderator": forbidden, "administrator": forbidden, "owner of all": "invalid_argument CONTENT_INVALID"}
	role := func(id string, role accessv1.Role) proto.Message {
		return &userv1.SetRoleRequest{UserId: id, Role: role, Reason: "x"}
	}
	return []row{
		{adminService + "FindAccounts", "all", &userv1.FindAccountsRequest{Query: c.third.Username}, answers{"auditor": ok, "moderator": ok, "administrator": ok, "owner of all": ok}},
		{adminService + "ListAuditEntries", "all", &userv1.ListAuditEntriesRequest{}, reads},
		{moderationService + "ListAuditEntries", "all", &messagev1.ListAuditEntriesRequest{}, reads},
		{adminService + "BanUser", "a member, for ever", &userv1.BanUserRequest{UserId: target, Reason: "x"}, acts},
		{adminService + "UnbanUser", "a member, for ever", &userv1.UnbanUserRequest{UserId: target, Reason: "x"}, acts.with(answers{"moderator": forbidden})},
		{adminService + "BanUser", "a member, for a day", &userv1.BanUserRequest{UserId: target, Reason: "x", Until: day}, mods},
		{adminService + "UnbanUser", "a member, for a day", &userv1.UnbanUserRequest{UserId: target, Reason: "x"}, mods},
		{adminService + "BanUser", "missing", &userv1.BanUserRequest{UserId: nobody, Reason: "x", Until: day}, missing},
		{adminService + "UnbanUser", "missing", &userv1.UnbanUserRequest{UserId: nobody, Reason: "x"}, missing},
		{adminService + "EndSessions", "missing", &userv1.EndSessionsRequest{UserId: nobody, Reason: "x"}, missing},
		{adminService + "SetRole", "missing", role(nobody, accessv1.Role_ROLE_AUDITOR), missing},
		{adminService + "EndSessions", "a member", &userv1.EndSessionsRequest{UserId: target, Reason: "x"}, acts},
		{adminService + "BanUser", "an owner", &userv1.BanUserRequest{UserId: boss.ID, Reason: "x"}, onOwner},
		{adminService + "SetRole", "an owner", role(boss.ID, accessv1.Role_ROLE_MEMBER), acts.with(answers{"administrator": forbidden, "owner of all": "failed_precondition LAST_OWNER"})},
		{adminService + "SetRole", "to owner", role(target, accessv1.Role_ROLE_OWNER), acts.with(answers{"administrator": forbidden})},
		{adminService + "SetRole", "back to member", role(target, accessv1.Role_ROLE_MEMBER), acts.with(answers{"administrator": forbidden})},
		{moderationService + "RemoveMessage", "missing", &messagev1.RemoveMessageRequest{ConversationId: people.NewID(), Seq: 1, Reason: "x"}, byMods},
		{moderationService + "RemoveMessage", "of a foreign pair", &messagev1.RemoveMessageRequest{ConversationId: c.conversation, Seq: 1, Reason: "x"}, mods},
		{moderationService + "RemoveMessage", "of a closed pair", &messagev1.RemoveMessageRequest{ConversationId: c.closed, Seq: 99, Reason: "x"}, byMods},
	}
}

func TestF46_AuthorizationMatrixOfModeration(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	boss := newOwner(t, sys)
	callers := c.callers()
	callers["auditor"] = newStaff(t, sys, boss, accessv1.Role_ROLE_AUDITOR)
	callers["moderator"] = newStaff(t, sys, boss, accessv1.Role_ROLE_MODERATOR)
	callers["administrator"] = newStaff(t, sys, boss, accessv1.Role_ROLE_ADMIN)
	callers["owner of all"] = boss
	asked := map[string]bool{}
	refusals := map[string]refusal{}
	for _, r := range c.moderationRows(boss) {
		asked[r.method] = true
		for _, name := range slices.Concat(columns, staff) {
			want := forbidden
			if slices.Contains(staff, name) {
				want = r.want.of(name)
			}
			got := callers[name].Try(t, r.method, r.request(callers[name]))
			if got.String() != want {
				t.Errorf("%s on %s by %s: got %q, want %q", r.method, r.object, name, got, want)
			}
			checkAlike(t, refusals, r, name, got)
		}
	}
	for _, m := range methods() {
		if m.allows(accessv1.Level_LEVEL_ADMIN, "") && !asked[m.name] {
			t.Errorf("%s is never called in the matrix of moderation", m.name)
		}
	}
}

// connect opens a socket of a login session at a gateway.
func connect(t *testing.T, base, token, device string) *replay {
	t.Helper()
	r := &replay{t: t, base: base, bound: map[string]string{"token": token, "device": device}}
	r.open("/v1/ws", "parley.v1.json")
	r.play(`C {"id":"1","auth":{"token":"<token>","device":{"deviceId":"<device>","instanceId":"<instance>","platform":"PLATFORM_NATIVE","appVersion":"1.0.0","locale":"en"},"protocol":1}}`)
	r.await(`{"re":"1","welcome":{"sessionId":"<session>"}}`)
	return r
}

func (r *replay) closeCode() uint16 {
	r.t.Helper()
	select {
	case err := <-r.events.closed:
		closed, ok := err.(*gws.CloseError) //nolint:errorlint // the library gives it as it is
		if !ok {
			r.t.Fatalf("closed with %v", err)
		}
		return closed.Code
	case <-time.After(tracePatience):
		r.t.Fatal("not closed")
	}
	return 0
}

// login answers what a new device of somebody gets.
func login(t *testing.T, base string, p *people.Person, password string) (people.Answer, string) {
	t.Helper()
	device := people.NewID()
	return people.Call(t, base, "parley.user.v1.AuthService/Login", people.JSON(&userv1.LoginRequest{
		Username: p.Username, Password: password, Device: &userv1.Device{DeviceId: device, Name: "test"},
	})), device
}

// The promise is two seconds; the time is printed, not judged.
func TestF46_ABanIsInForceAtEveryGateway(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	boss := newOwner(t, sys)
	p, friend := people.Register(t, sys.Public(0), "spammer"), people.Register(t, sys.Public(1), "friend")
	conversation := people.Befriend(t, p, friend)
	sockets := []*replay{connect(t, sys.Public(0), p.Token, p.Device), connect(t, sys.Public(1), p.Token, p.Device)}
	boss.Do(t, adminService+"BanUser", &userv1.BanUserRequest{UserId: p.ID, Reason: "spam"}, &userv1.BanUserResponse{})
	start := time.Now()
	for i, socket := range sockets {
		if code := socket.closeCode(); code != 4303 {
			t.Errorf("gateway %d closes with %d, want 4303", i, code)
		}
		until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
			return people.Call(t, sys.Public(i), "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(p.Token)...)
		})
		t.Logf("gateway %d refuses after %s", i, time.Since(start).Round(time.Millisecond))
	}
	for password, want := range map[string]string{
		p.Password: "permission_denied ACCOUNT_SUSPENDED", "not the password": "unauthenticated INVALID_CREDENTIALS",
	} {
		if got, _ := login(t, sys.Public(1), p, password); got.String() != want {
			t.Errorf("login: %s, want %s", got, want)
		}
	}
	// Others go on: the conversation is as it was.
	friend.Do(t, "parley.message.v1.MessageService/Send", people.Text(conversation, "are you there?"), &messagev1.SendResponse{})
	boss.Do(t, adminService+"UnbanUser", &userv1.UnbanUserRequest{UserId: p.ID, Reason: "a mistake"}, &userv1.UnbanUserResponse{})
	got, _ := login(t, sys.Public(1), p, p.Password)
	if got.String() != ok {
		t.Fatalf("login after the ban: %s", got)
	}
	var again userv1.LoginResponse
	if err := readJSON(got, &again); err != nil {
		t.Fatal(err)
	}
	p.Token = again.GetToken()
	var page messagev1.ListMessagesResponse
	p.Do(t, "parley.message.v1.MessageService/ListMessages", &messagev1.ListMessagesRequest{ConversationId: conversation}, &page)
	if n := len(page.GetItems()); n != 1 || page.GetItems()[0].GetText().GetBody() != "are you there?" {
		t.Errorf("%d messages after the ban, want what was said meanwhile: %v", n, page.GetItems())
	}
}

// A role counts from its commit on, and no longer, whatever a gateway remembers of the token.
func TestARoleIsInForceAtEveryGatewayAtOnce(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	boss := newOwner(t, sys)
	p := people.Register(t, sys.Public(0), "helper")
	find := func(gateway int) string {
		return people.Call(t, sys.Public(gateway), adminService+"FindAccounts", []byte(`{"query":"boss"}`), people.Bearer(p.Token)...).String()
	}
	for step, want := range []string{forbidden, ok, forbidden} {
		for i := range 2 {
			if got := find(i); got != want {
				t.Errorf("step %d at gateway %d: %s, want %s", step, i, got, want)
			}
		}
		role := []accessv1.Role{accessv1.Role_ROLE_MODERATOR, accessv1.Role_ROLE_MEMBER, accessv1.Role_ROLE_MEMBER}[step]
		boss.Do(t, adminService+"SetRole", &userv1.SetRoleRequest{UserId: p.ID, Role: role, Reason: fmt.Sprint(step)}, &userv1.SetRoleResponse{})
	}
}

func readJSON(a people.Answer, out proto.Message) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(a.Body, out)
}
