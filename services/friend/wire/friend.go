// SPDX-License-Identifier: Apache-2.0

// Package wire makes protos of what calls answer and events tell alike.
package wire

import (
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
)

// Request is a friend request with the profiles of both.
func Request(r friend.Request, applicant, respondent friend.Profile) *friendv1.FriendRequest {
	return &friendv1.FriendRequest{
		RequestId:  r.ID.String(),
		Applicant:  User(applicant),
		Respondent: User(respondent),
		Text:       r.Text,
		State:      friendv1.RequestState(r.State), //nolint:gosec // one of five, numbered alike
		CreatedAt:  r.CreatedAt,
		DecidedAt:  r.DecidedAt,
	}
}

// User is what both see of one another.
func User(p friend.Profile) *userv1.User {
	return &userv1.User{
		UserId: p.ID.String(), Username: p.Username, Nickname: p.Nickname, Description: p.Description,
		AvatarFileId: p.Avatar,
	}
}
