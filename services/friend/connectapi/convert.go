// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

func fromDirection(d friendv1.Direction) friend.Side {
	switch d {
	case friendv1.Direction_DIRECTION_INCOMING:
		return friend.Incoming
	case friendv1.Direction_DIRECTION_OUTGOING:
		return friend.Outgoing
	case friendv1.Direction_DIRECTION_UNSPECIFIED:
		return friend.BothSides
	default:
		return friend.BothSides
	}
}

func toRequest(o friend.Outcome) *friendv1.FriendRequest {
	return &friendv1.FriendRequest{
		RequestId:  o.Request.ID.String(),
		Applicant:  toUser(o.Applicant),
		Respondent: toUser(o.Respondent),
		Text:       o.Request.Text,
		State:      friendv1.RequestState(o.Request.State), //nolint:gosec // one of five, numbered alike
		CreatedAt:  o.Request.CreatedAt,
		DecidedAt:  o.Request.DecidedAt,
	}
}

func toRequests(outcomes []friend.Outcome) []*friendv1.FriendRequest {
	list := make([]*friendv1.FriendRequest, len(outcomes))
	for i, o := range outcomes {
		list[i] = toRequest(o)
	}
	return list
}

func toFriends(friends []friend.Friend) []*friendv1.Friend {
	list := make([]*friendv1.Friend, len(friends))
	for i, f := range friends {
		list[i] = &friendv1.Friend{User: toUser(f.Profile), Since: f.Since, ConversationId: optional(f.ConversationID), Remark: f.Remark, Phone: f.Phone.Reveal()}
	}
	return list
}

func toBlocked(blocked []friend.Blocked) []*friendv1.BlockedUser {
	list := make([]*friendv1.BlockedUser, len(blocked))
	for i, b := range blocked {
		list[i] = &friendv1.BlockedUser{User: toUser(b.Profile), Since: b.Since}
	}
	return list
}

func toFound(found []friend.Found) []*friendv1.FoundUser {
	list := make([]*friendv1.FoundUser, len(found))
	for i, f := range found {
		list[i] = &friendv1.FoundUser{User: toUser(f.Profile), Friend: f.Friend}
		for _, s := range f.Spans {
			list[i].NicknameSpans = append(list[i].NicknameSpans, &userv1.NameSpan{Start: int32(s.Start), End: int32(s.End)}) //nolint:gosec // places in a nickname
		}
	}
	return list
}

func toUser(p friend.Profile) *userv1.User {
	return &userv1.User{
		UserId: p.ID.String(), Username: p.Username, Nickname: p.Nickname, Description: p.Description,
		AvatarFileId: p.Avatar,
	}
}

func toTexts(users []ids.UserID) []string {
	texts := make([]string, len(users))
	for i, id := range users {
		texts[i] = id.String()
	}
	return texts
}

// optional is empty for the zero id.
func optional(id ids.ConversationID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}
