// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/audit/auditapi"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/wire"
)

// Admin implements userv1connect.AdminServiceHandler.
type Admin struct{ service *user.Service }

// NewAdmin answers from a service.
func NewAdmin(service *user.Service) Admin { return Admin{service} }

// ClaimAdministrator makes the caller an owner.
func (h Admin) ClaimAdministrator(
	ctx context.Context, r *userv1.ClaimAdministratorRequest,
) (*userv1.ClaimAdministratorResponse, error) {
	record, err := h.service.ClaimLink(ctx, callerOf(ctx), r.GetToken())
	if err != nil {
		return nil, err
	}
	return &userv1.ClaimAdministratorResponse{Me: toMe(record)}, nil
}

// FindAccounts answers one page of accounts.
func (h Admin) FindAccounts(ctx context.Context, r *userv1.FindAccountsRequest) (*userv1.FindAccountsResponse, error) {
	page, err := h.service.FindAccounts(ctx, callerOf(ctx), user.Find{
		Query: r.GetQuery(), PageSize: int(r.GetPageSize()), Token: r.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	answer := &userv1.FindAccountsResponse{NextPageToken: page.Next}
	for _, state := range page.States {
		answer.Accounts = append(answer.Accounts, h.toState(state))
	}
	return answer, nil
}

// BanUser suspends an account.
func (h Admin) BanUser(ctx context.Context, r *userv1.BanUserRequest) (*userv1.BanUserResponse, error) {
	target, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	state, n, err := h.service.Ban(ctx, callerOf(ctx), user.Ban{Target: target, Reason: r.GetReason(), Until: r.GetUntil()})
	if err != nil {
		return nil, err
	}
	return &userv1.BanUserResponse{Account: h.toState(state), EndedCount: int32(n)}, nil //nolint:gosec // there are ten at most
}

// UnbanUser ends a suspension.
func (h Admin) UnbanUser(ctx context.Context, r *userv1.UnbanUserRequest) (*userv1.UnbanUserResponse, error) {
	target, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	state, err := h.service.Unban(ctx, callerOf(ctx), target, r.GetReason())
	if err != nil {
		return nil, err
	}
	return &userv1.UnbanUserResponse{Account: h.toState(state)}, nil
}

// EndSessions ends the login sessions of an account.
func (h Admin) EndSessions(ctx context.Context, r *userv1.EndSessionsRequest) (*userv1.EndSessionsResponse, error) {
	target, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	n, err := h.service.EndSessions(ctx, callerOf(ctx), target, r.GetReason())
	if err != nil {
		return nil, err
	}
	return &userv1.EndSessionsResponse{EndedCount: int32(n)}, nil //nolint:gosec // there are ten at most
}

// SetRole gives an account a role.
func (h Admin) SetRole(ctx context.Context, r *userv1.SetRoleRequest) (*userv1.SetRoleResponse, error) {
	target, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	state, err := h.service.SetRole(ctx, callerOf(ctx), target, fromRole(r.GetRole()), r.GetReason())
	if err != nil {
		return nil, err
	}
	return &userv1.SetRoleResponse{Account: h.toState(state)}, nil
}

// ListAuditEntries answers one page of the audit log.
func (h Admin) ListAuditEntries(
	ctx context.Context, r *userv1.ListAuditEntriesRequest,
) (*userv1.ListAuditEntriesResponse, error) {
	query, err := auditapi.Query(r.GetFilter())
	if err != nil {
		return nil, err
	}
	query.Limit = int(r.GetPageSize())
	page, err := h.service.ReadAudit(ctx, callerOf(ctx), query, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &userv1.ListAuditEntriesResponse{Entries: auditapi.Entries(page.Entries), NextPageToken: page.Next}, nil
}

func (h Admin) toState(s user.AccountState) *userv1.AccountState {
	state := &userv1.AccountState{
		User: wire.User(s.Account), CreatedAt: s.Account.CreatedAt, Role: toRole(s.Role),
		SessionCount: int32(s.Sessions), //nolint:gosec // there are ten at most
		LastUsedAt:   s.LastUsedAt, HasPhone: s.HasPhone,
	}
	state.Suspended, state.SuspendedUntil = h.service.Suspension(s)
	return state
}

// toRole: the numbers that are stored are those of the wire, but for members.
func toRole(r user.Role) accessv1.Role {
	if r == user.Member {
		return accessv1.Role_ROLE_MEMBER
	}
	return accessv1.Role(r) //nolint:gosec // one of five
}

func fromRole(r accessv1.Role) user.Role {
	if r == accessv1.Role_ROLE_MEMBER {
		return user.Member
	}
	return user.Role(r)
}
