// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Auth implements userv1connect.AuthServiceHandler.
type Auth struct{ service *user.Service }

// NewAuth answers from a service.
func NewAuth(service *user.Service) Auth { return Auth{service} }

// GetSignInOptions tells the ways to sign in.
func (h Auth) GetSignInOptions(context.Context, *userv1.GetSignInOptionsRequest) (*userv1.GetSignInOptionsResponse, error) {
	return &userv1.GetSignInOptionsResponse{PhoneCodes: h.service.SendsCodes()}, nil
}

// Register makes an account and logs it in.
func (h Auth) Register(ctx context.Context, r *userv1.RegisterRequest) (*userv1.RegisterResponse, error) {
	device, err := fromDevice(ctx, r.GetDevice())
	if err != nil {
		return nil, err
	}
	login, err := h.service.Register(ctx, user.Registration{
		Username: r.GetUsername(), Nickname: r.GetNickname(), Password: r.GetPassword(), Device: device,
	})
	if err != nil {
		return nil, err
	}
	return &userv1.RegisterResponse{
		User: toMe(login.Record), Token: login.Token, LoginSessionId: login.Session.ID.String(),
	}, nil
}

// Login opens a login session.
func (h Auth) Login(ctx context.Context, r *userv1.LoginRequest) (*userv1.LoginResponse, error) {
	device, err := fromDevice(ctx, r.GetDevice())
	if err != nil {
		return nil, err
	}
	login, err := h.service.Login(ctx, user.Credential{
		Username: r.GetUsername(), Password: r.GetPassword(), Device: device,
		Address: identity.FromContext(ctx).ClientAddress,
	})
	if err != nil {
		return nil, err
	}
	return &userv1.LoginResponse{
		User: toMe(login.Record), Token: login.Token, LoginSessionId: login.Session.ID.String(),
	}, nil
}

// RequestCode sends a code.
func (h Auth) RequestCode(ctx context.Context, r *userv1.RequestCodeRequest) (*userv1.RequestCodeResponse, error) {
	sent, err := h.service.RequestCode(ctx, user.CodeRequest{
		Phone: r.GetPhone(), Purpose: user.Purpose(r.GetPurpose()), Address: identity.FromContext(ctx).ClientAddress,
	})
	if err != nil {
		return nil, err
	}
	return &userv1.RequestCodeResponse{
		CodeRequestId: sent.ID.String(), ResendAfterMs: sent.ResendAfter.Milliseconds(),
		ExpiresInMs: sent.ExpiresIn.Milliseconds(),
	}, nil
}

// RegisterByPhone makes an account and logs it in.
func (h Auth) RegisterByPhone(ctx context.Context, r *userv1.RegisterByPhoneRequest) (*userv1.RegisterByPhoneResponse, error) {
	asked, err := fromPhoneLogin(ctx, r)
	if err != nil {
		return nil, err
	}
	asked.Nickname = r.GetNickname()
	login, err := h.service.RegisterByPhone(ctx, asked)
	if err != nil {
		return nil, err
	}
	return &userv1.RegisterByPhoneResponse{
		User: toMe(login.Record), Token: login.Token, LoginSessionId: login.Session.ID.String(),
	}, nil
}

// LoginByPhone opens a login session.
func (h Auth) LoginByPhone(ctx context.Context, r *userv1.LoginByPhoneRequest) (*userv1.LoginByPhoneResponse, error) {
	asked, err := fromPhoneLogin(ctx, r)
	if err != nil {
		return nil, err
	}
	login, created, err := h.service.LoginByPhone(ctx, asked, r.GetCreateIfAbsent())
	if err != nil {
		return nil, err
	}
	return &userv1.LoginByPhoneResponse{
		User: toMe(login.Record), Token: login.Token, LoginSessionId: login.Session.ID.String(), Created: created,
	}, nil
}

// ResetPassword gives an account a new password.
func (h Auth) ResetPassword(ctx context.Context, r *userv1.ResetPasswordRequest) (*userv1.ResetPasswordResponse, error) {
	code, err := fromCode("code.code_request_id", r.GetCode())
	if err != nil {
		return nil, err
	}
	if err := h.service.ResetPassword(ctx, r.GetPhone(), code, r.GetNewPassword()); err != nil {
		return nil, err
	}
	return &userv1.ResetPasswordResponse{}, nil
}

// Logout ends the caller's login session.
func (h Auth) Logout(ctx context.Context, _ *userv1.LogoutRequest) (*userv1.LogoutResponse, error) {
	caller := identity.FromContext(ctx)
	if err := h.service.Logout(ctx, caller.UserID, caller.LoginSessionID); err != nil {
		return nil, err
	}
	return &userv1.LogoutResponse{}, nil
}

// ListSessions lists the caller's login sessions.
func (h Auth) ListSessions(ctx context.Context, _ *userv1.ListSessionsRequest) (*userv1.ListSessionsResponse, error) {
	caller := identity.FromContext(ctx)
	sessions, err := h.service.ListSessions(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	return &userv1.ListSessionsResponse{Sessions: toSessions(sessions, caller.LoginSessionID)}, nil
}

// RevokeSession ends one of the caller's login sessions.
func (h Auth) RevokeSession(ctx context.Context, r *userv1.RevokeSessionRequest) (*userv1.RevokeSessionResponse, error) {
	id, err := ids.ParseLoginSession("login_session_id", r.GetLoginSessionId())
	if err != nil {
		return nil, err
	}
	if err := h.service.RevokeSession(ctx, identity.FromContext(ctx).UserID, id); err != nil {
		return nil, err
	}
	return &userv1.RevokeSessionResponse{}, nil
}

// RevokeOtherSessions ends all login sessions of the caller but the one that asks.
func (h Auth) RevokeOtherSessions(
	ctx context.Context, _ *userv1.RevokeOtherSessionsRequest,
) (*userv1.RevokeOtherSessionsResponse, error) {
	n, err := h.service.RevokeOtherSessions(ctx, callerOf(ctx))
	if err != nil {
		return nil, err
	}
	return &userv1.RevokeOtherSessionsResponse{EndedCount: int32(n)}, nil //nolint:gosec // there are ten at most
}

// VerifyToken tells the gateway what a token proves.
func (h Auth) VerifyToken(ctx context.Context, r *userv1.VerifyTokenRequest) (*userv1.VerifyTokenResponse, error) {
	session, err := h.service.VerifyToken(ctx, r.GetToken())
	if err != nil {
		return nil, err
	}
	record, err := h.service.Record(ctx, session.UserID)
	if err != nil {
		return nil, err
	}
	return &userv1.VerifyTokenResponse{
		UserId: session.UserID.String(), LoginSessionId: session.ID.String(), DeviceId: session.Device.ID.String(),
		ExpiresAt: session.ExpiresAt(), Role: toRole(record.Role), ReceiptsHidden: record.Privacy.ReceiptsHidden,
	}, nil
}

// ListRevocations answers from memory.
func (h Auth) ListRevocations(_ context.Context, r *userv1.ListRevocationsRequest) (*userv1.ListRevocationsResponse, error) {
	page, err := h.service.Revocations().Since(r.GetPosition())
	if err != nil {
		return nil, err
	}
	return &userv1.ListRevocationsResponse{
		Revocations: toRevocations(page.Revocations), Position: page.Position, Reset_: page.Reset,
	}, nil
}
