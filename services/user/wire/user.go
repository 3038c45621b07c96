// SPDX-License-Identifier: Apache-2.0

// Package wire makes protos of what calls answer and events tell alike.
package wire

import (
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/user"
)

// User is what everybody may see of an account.
func User(a user.Account) *userv1.User {
	return &userv1.User{
		UserId: a.ID.String(), Username: a.Username, Nickname: a.Nickname, Description: a.Description,
		Deleted: a.Deleted, AvatarFileId: a.Avatar.Optional(),
	}
}

// Revocation tells of a login session that ended. The numbers of reasons that are stored are those of the wire; a
// test of events holds them together.
func Revocation(r user.Revocation) *userv1.Revocation {
	return &userv1.Revocation{
		LoginSessionId: r.SessionID.String(), UserId: r.UserID.String(),
		Reason: userv1.EndReason(r.Reason), //nolint:gosec // one of six
	}
}
