// SPDX-License-Identifier: Apache-2.0

// Package upstream calls the user and message services for friendships.
//
// Both clients keep the errors of rpcclient: a service that does not answer is fault.ErrUnavailable, and
// what it refuses comes back with its own reason.
package upstream

import (
	"context"
	"fmt"
	"slices"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// maxBatch ids fit into one BatchGetUsers.
const maxBatch = 100

// Users implements the port of the same name.
type Users struct {
	client userv1connect.UserServiceClient
}

// NewUsers calls through a generated client.
func NewUsers(client userv1connect.UserServiceClient) Users { return Users{client} }

// Profiles makes one call for a hundred people. The user service keeps a row of who is gone; here that is nobody.
func (u Users) Profiles(ctx context.Context, people []ids.UserID) (map[ids.UserID]friend.Profile, error) {
	found := make(map[ids.UserID]friend.Profile, len(people))
	for batch := range slices.Chunk(people, maxBatch) {
		answer, err := u.client.BatchGetUsers(ctx, &userv1.BatchGetUsersRequest{UserIds: ids.Texts(batch)})
		if err != nil {
			return nil, err
		}
		profiles, err := fromUsers(slices.DeleteFunc(answer.GetUsers(), (*userv1.User).GetDeleted))
		if err != nil {
			return nil, err
		}
		for _, p := range profiles {
			found[p.ID] = p
		}
	}
	return found, nil
}

// Phones makes one call for a hundred people.
func (u Users) Phones(ctx context.Context, people []ids.UserID) (map[ids.UserID]friend.Phone, error) {
	found := make(map[ids.UserID]friend.Phone)
	for batch := range slices.Chunk(people, maxBatch) {
		answer, err := u.client.ListFriendPhones(ctx, &userv1.ListFriendPhonesRequest{UserIds: ids.Texts(batch)})
		if err != nil {
			return nil, err
		}
		for _, p := range answer.GetPhones() {
			var id ids.UserID
			if err := id.UnmarshalText([]byte(p.GetUserId())); err != nil {
				return nil, fmt.Errorf("the user service answered no id: %s", p.GetUserId())
			}
			found[id] = friend.PhoneOf(p.GetPhone())
		}
	}
	return found, nil
}

// Search passes page tokens through.
func (u Users) Search(ctx context.Context, search friend.UserSearch) (friend.UserPage, error) {
	answer, err := u.client.SearchUsers(ctx, &userv1.SearchUsersRequest{
		Query: search.Query, ExcludedUserIds: ids.Texts(search.Excluded), AmongUserIds: ids.Texts(search.Among),
		PageToken: search.Token, Part: userv1.SearchPart(search.Part), //nolint:gosec // one of two
		PageSize: int32(search.PageSize), //nolint:gosec // bounded by the request's validation
	})
	if err != nil {
		return friend.UserPage{}, err
	}
	profiles, err := fromUsers(answer.GetUsers())
	page := friend.UserPage{Next: answer.GetNextPageToken()}
	for i, p := range profiles {
		hit := friend.UserHit{Profile: p}
		if i < len(answer.GetMatches()) {
			for _, s := range answer.GetMatches()[i].GetSpans() {
				hit.Spans = append(hit.Spans, textmatch.Span{Start: int(s.GetStart()), End: int(s.GetEnd())})
			}
		}
		page.Hits = append(page.Hits, hit)
	}
	return page, err
}

func fromUsers(users []*userv1.User) ([]friend.Profile, error) {
	profiles := make([]friend.Profile, len(users))
	for i, u := range users {
		var id ids.UserID
		if err := id.UnmarshalText([]byte(u.GetUserId())); err != nil {
			return nil, fmt.Errorf("the user service answered no id: %s", u.GetUserId())
		}
		profiles[i] = friend.Profile{
			ID: id, Username: u.GetUsername(), Nickname: u.GetNickname(), Description: u.GetDescription(),
			Avatar: u.GetAvatarFileId(),
		}
	}
	return profiles, nil
}
