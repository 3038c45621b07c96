// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/wire"
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
	return wire.Request(o.Request, o.Applicant, o.Respondent)
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
		list[i] = &friendv1.Friend{User: wire.User(f.Profile), Since: f.Since, ConversationId: f.ConversationID.Optional(), Remark: f.Remark, Phone: f.Phone.Reveal()}
	}
	return list
}

func toBlocked(blocked []friend.Blocked) []*friendv1.BlockedUser {
	list := make([]*friendv1.BlockedUser, len(blocked))
	for i, b := range blocked {
		list[i] = &friendv1.BlockedUser{User: wire.User(b.Profile), Since: b.Since}
	}
	return list
}

func toFound(found []friend.Found) []*friendv1.FoundUser {
	list := make([]*friendv1.FoundUser, len(found))
	for i, f := range found {
		list[i] = &friendv1.FoundUser{User: wire.User(f.Profile), Friend: f.Friend}
		for _, s := range f.Spans {
			list[i].NicknameSpans = append(list[i].NicknameSpans, &userv1.NameSpan{Start: int32(s.Start), End: int32(s.End)}) //nolint:gosec // places in a nickname
		}
	}
	return list
}
