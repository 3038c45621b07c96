// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/server"
)

func (r *running) admin(t *testing.T) userv1connect.AdminServiceClient {
	t.Helper()
	c := r.client(t, component.Gateway)
	return userv1connect.NewAdminServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...)
}

// with is the context of a call for which the gateway has read a role.
func with(t *testing.T, auth userv1connect.AuthServiceClient, token string) context.Context {
	t.Helper()
	ctx := as(t, auth, token)
	proof, err := auth.VerifyToken(t.Context(), &userv1.VerifyTokenRequest{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	caller := identity.FromContext(ctx)
	caller.Role, caller.ClientAddress, caller.RequestID = proof.GetRole(), "203.0.113.9", "r1"
	return identity.NewContext(ctx, caller)
}

func TestF46_ALifeOfModerationOverTheWire(t *testing.T) {
	t.Parallel()
	dsn := sqliteDSN(t)
	r := start(t, dsn)
	auth, admin := r.auth(t), r.admin(t)
	boss, ann := register(t, auth, "boss", "Boss"), register(t, auth, "ann", "Ann")
	cfg := server.Config{MySQLDSN: secret.New(dsn)}
	first, err := server.CreateFirstLink(t.Context(), cfg)
	token, err2 := server.CreateLink(t.Context(), cfg)
	if err != nil || err2 != nil || first == "" || token == "" || first == token {
		t.Fatalf("links %q and %q, %v", first, token, errors.Join(err, err2))
	}
	_, wrong := admin.ClaimAdministrator(as(t, auth, boss.GetToken()), &userv1.ClaimAdministratorRequest{Token: first})
	if !errors.Is(wrong, user.ErrLinkInvalid) {
		t.Errorf("a link that was replaced: %v", wrong)
	}
	claimed, err := admin.ClaimAdministrator(as(t, auth, boss.GetToken()), &userv1.ClaimAdministratorRequest{Token: token})
	if err != nil || claimed.GetMe().GetRole() != accessv1.Role_ROLE_OWNER {
		t.Fatalf("claim: %v, %v", claimed, err)
	}
	if first, err := server.CreateFirstLink(t.Context(), cfg); err != nil || first != "" {
		t.Errorf("a first link beside an owner: %q, %v", first, err)
	}
	ctx := with(t, auth, boss.GetToken())
	found, err := admin.FindAccounts(ctx, &userv1.FindAccountsRequest{Query: "ann"})
	if err != nil || len(found.GetAccounts()) != 1 || found.GetAccounts()[0].GetSessionCount() != 1 ||
		found.GetAccounts()[0].GetRole() != accessv1.Role_ROLE_MEMBER {
		t.Fatalf("found %v, %v", found, err)
	}
	id := found.GetAccounts()[0].GetUser().GetUserId()
	checkActs(ctx, t, r, id, ann.GetToken())
	checkLog(ctx, t, admin, id)
}

// checkActs does each act once.
func checkActs(ctx context.Context, t *testing.T, r *running, id, token string) {
	t.Helper()
	auth, admin := r.auth(t), r.admin(t)
	role, err := admin.SetRole(ctx, &userv1.SetRoleRequest{UserId: id, Role: accessv1.Role_ROLE_AUDITOR, Reason: "reads along"})
	if err != nil || role.GetAccount().GetRole() != accessv1.Role_ROLE_AUDITOR {
		t.Errorf("role: %v, %v", role, err)
	}
	if _, err := admin.ListAuditEntries(with(t, auth, token), &userv1.ListAuditEntriesRequest{}); err != nil {
		t.Errorf("an auditor reads: %v", err)
	}
	if _, err := admin.BanUser(with(t, auth, token), &userv1.BanUserRequest{UserId: id, Reason: "x"}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("an auditor bans: %v", err)
	}
	if _, err := admin.SetRole(ctx, &userv1.SetRoleRequest{UserId: id, Role: accessv1.Role_ROLE_MEMBER, Reason: "no more"}); err != nil {
		t.Errorf("role: %v", err)
	}
	if _, err := admin.FindAccounts(with(t, auth, token), &userv1.FindAccountsRequest{Query: "boss"}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a member looks: %v", err)
	}
	ban, err := admin.BanUser(ctx, &userv1.BanUserRequest{UserId: id, Reason: "spam"})
	if err != nil || ban.GetEndedCount() != 1 || !ban.GetAccount().GetSuspended() || ban.GetAccount().GetSuspendedUntil() != 0 {
		t.Errorf("ban: %v, %v", ban, err)
	}
	login := &userv1.LoginRequest{Username: "ann", Password: password, Device: newDevice()}
	if _, err := auth.Login(t.Context(), login); !errors.Is(err, user.ErrSuspended) || fault.KindOf(err) != fault.Denied {
		t.Errorf("login of somebody who is suspended: %v", err)
	}
	back, err := admin.UnbanUser(ctx, &userv1.UnbanUserRequest{UserId: id, Reason: "a mistake"})
	if err != nil || back.GetAccount().GetSuspended() {
		t.Errorf("unban: %v, %v", back, err)
	}
	if _, err := auth.Login(t.Context(), login); err != nil {
		t.Errorf("login after that: %v", err)
	}
	ended, err := admin.EndSessions(ctx, &userv1.EndSessionsRequest{UserId: id, Reason: "lost phone"})
	if err != nil || ended.GetEndedCount() != 1 {
		t.Errorf("end sessions: %v, %v", ended, err)
	}
}

func checkLog(ctx context.Context, t *testing.T, admin userv1connect.AdminServiceClient, id string) {
	t.Helper()
	log, err := admin.ListAuditEntries(ctx, &userv1.ListAuditEntriesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range log.GetEntries() {
		who := "the platform"
		switch {
		case e.GetActorId() == id:
			who = "ann"
		case e.GetActorId() != "":
			who = "boss"
		}
		if who == "boss" && e.GetTargetId() == id && (e.GetClientAddress() != "203.0.113.9" || e.GetRequestId() != "r1" || e.GetAt() == 0) {
			t.Errorf("entry %v does not say where it came from", e)
		}
		got = append(got, who+": "+e.GetAction())
	}
	want := []string{
		"boss: audit.read", "boss: sessions.ended", "boss: account.restored", "boss: account.suspended",
		"ann: call.denied", "boss: role.set", "ann: call.denied", "ann: audit.read", "boss: role.set", "boss: accounts.read",
		"boss: administrator_link.used", "boss: call.denied", "the platform: administrator_link.created", "the platform: administrator_link.created",
	}
	if diff := cmp.Diff(want, acts(got)); diff != "" {
		t.Errorf("audit log, newest first (-want +got):\n%s", diff)
	}
}

// acts leaves the entries of logins out.
func acts(entries []string) []string {
	var kept []string
	for _, e := range entries {
		switch e {
		case "boss: login.succeeded", "ann: login.succeeded", "the platform: login.failed":
		default:
			kept = append(kept, e)
		}
	}
	return kept
}
