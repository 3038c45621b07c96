// SPDX-License-Identifier: Apache-2.0

// Package connectapi answers the calls of AuthService and UserService.
//
// A handler converts, calls the domain and converts back; it decides nothing. Who may call is checked
// before, by rpcserver.
package connectapi

import (
	"context"
	"errors"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/wire"
)

func fromDevice(ctx context.Context, d *userv1.Device) (user.Device, error) {
	id, err := ids.ParseDevice("device.device_id", d.GetDeviceId())
	return user.Device{ID: id, Name: d.GetName(), Address: identity.FromContext(ctx).ClientAddress}, err
}

func fromCode(field string, c *userv1.PhoneCode) (user.PhoneCode, error) {
	id, err := ids.ParseCodeRequest(field, c.GetCodeRequestId())
	return user.PhoneCode{ID: id, Digits: user.DigitsOf(c.GetCode())}, err
}

// fromProof: an absent code is none.
func fromProof(password, field string, c *userv1.PhoneCode) (user.Proof, error) {
	proof := user.Proof{Password: password}
	if c == nil {
		return proof, nil
	}
	code, err := fromCode(field, c)
	proof.Code = &code
	return proof, err
}

// phoneLogin is what two requests have in common.
type phoneLogin interface {
	GetPhone() string
	GetCode() *userv1.PhoneCode
	GetDevice() *userv1.Device
}

func fromPhoneLogin(ctx context.Context, r phoneLogin) (user.PhoneLogin, error) {
	device, deviceErr := fromDevice(ctx, r.GetDevice())
	code, codeErr := fromCode("code.code_request_id", r.GetCode())
	return user.PhoneLogin{Phone: r.GetPhone(), Code: code, Device: device}, errors.Join(deviceErr, codeErr)
}

func toMe(r user.Record) *userv1.Me {
	return &userv1.Me{
		User: wire.User(r.Account), CreatedAt: r.Account.CreatedAt,
		Privacy: &userv1.Privacy{
			PhoneForFriends: r.Privacy.PhoneForFriends, FindableByPhone: r.Privacy.FindableByPhone,
			PresenceHidden: r.Privacy.PresenceHidden, ReceiptsHidden: r.Privacy.ReceiptsHidden,
		},
		HasPassword: r.HasPassword(), UsernameChangeAt: r.UsernameChangeAt(),
		Phone: r.Phone.Reveal(), Role: toRole(r.Role),
	}
}

func callerOf(ctx context.Context) user.Caller {
	c := identity.FromContext(ctx)
	return user.Caller{UserID: c.UserID, SessionID: c.LoginSessionID}
}

func toUsers(accounts []user.Account) []*userv1.User {
	users := make([]*userv1.User, len(accounts))
	for i, a := range accounts {
		users[i] = wire.User(a)
	}
	return users
}

func toFound(page user.FoundPage) *userv1.SearchUsersResponse {
	answer := &userv1.SearchUsersResponse{NextPageToken: page.Next}
	for _, f := range page.Found {
		match := &userv1.NameMatch{}
		for _, s := range f.Spans {
			match.Spans = append(match.Spans, &userv1.NameSpan{Start: int32(s.Start), End: int32(s.End)}) //nolint:gosec // places in a nickname
		}
		answer.Users, answer.Matches = append(answer.Users, wire.User(f.Account)), append(answer.Matches, match)
	}
	return answer
}

func toRevocations(revocations []user.Revocation) []*userv1.Revocation {
	list := make([]*userv1.Revocation, len(revocations))
	for i, r := range revocations {
		list[i] = wire.Revocation(r)
	}
	return list
}

func toSessions(sessions []user.LoginSession, current ids.LoginSessionID) []*userv1.LoginSession {
	list := make([]*userv1.LoginSession, len(sessions))
	for i, s := range sessions {
		list[i] = &userv1.LoginSession{
			LoginSessionId: s.ID.String(),
			Device:         &userv1.Device{DeviceId: s.Device.ID.String(), Name: s.Device.Name},
			CreatedAt:      s.CreatedAt,
			LastUsedAt:     s.LastUsedAt,
			Current:        s.ID == current,
			ClientAddress:  s.Device.Address,
		}
	}
	return list
}
