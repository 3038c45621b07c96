// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/wire"
)

// Profiles implements userv1connect.UserServiceHandler.
type Profiles struct{ service *user.Service }

// NewProfiles answers from a service.
func NewProfiles(service *user.Service) Profiles { return Profiles{service} }

// GetMe answers the caller's own account.
func (h Profiles) GetMe(ctx context.Context, _ *userv1.GetMeRequest) (*userv1.GetMeResponse, error) {
	record, err := h.service.Record(ctx, identity.FromContext(ctx).UserID)
	if err != nil {
		return nil, err
	}
	return &userv1.GetMeResponse{Me: toMe(record)}, nil
}

// GetUser answers one profile.
func (h Profiles) GetUser(ctx context.Context, r *userv1.GetUserRequest) (*userv1.GetUserResponse, error) {
	id, err := ids.ParseUser("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	account, err := h.service.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	return &userv1.GetUserResponse{User: wire.User(account)}, nil
}

// BatchGetUsers answers profiles and what is missing.
func (h Profiles) BatchGetUsers(ctx context.Context, r *userv1.BatchGetUsersRequest) (*userv1.BatchGetUsersResponse, error) {
	users, err := ids.ParseUsers("user_ids", r.GetUserIds())
	if err != nil {
		return nil, err
	}
	found, missing, err := h.service.List(ctx, users)
	if err != nil {
		return nil, err
	}
	return &userv1.BatchGetUsersResponse{Users: toUsers(found), MissingUserIds: ids.Texts(missing)}, nil
}

// UpdateProfile changes the fields that are present.
func (h Profiles) UpdateProfile(ctx context.Context, r *userv1.UpdateProfileRequest) (*userv1.UpdateProfileResponse, error) {
	change := user.ProfileChange{Nickname: r.Nickname, Description: r.Description}
	if r.AvatarFileId != nil {
		change.Avatar = &ids.FileID{}
		if text := r.GetAvatarFileId(); text != "" {
			id, err := ids.ParseFile("avatar_file_id", text)
			if err != nil {
				return nil, err
			}
			change.Avatar = &id
		}
	}
	record, err := h.service.UpdateProfile(ctx, callerOf(ctx), change)
	if err != nil {
		return nil, err
	}
	return &userv1.UpdateProfileResponse{Me: toMe(record)}, nil
}

// CheckAvatars tells who has which picture.
func (h Profiles) CheckAvatars(ctx context.Context, r *userv1.CheckAvatarsRequest) (*userv1.CheckAvatarsResponse, error) {
	avatars := make([]user.Avatar, len(r.GetCitations()))
	for i, c := range r.GetCitations() {
		var err error
		if avatars[i].Person, err = ids.ParseUser("holder_id", c.GetHolderId()); err != nil {
			return nil, err
		}
		if avatars[i].Picture, err = ids.ParseFile("file_id", c.GetFileId()); err != nil {
			return nil, err
		}
	}
	shown, err := h.service.CheckAvatars(ctx, avatars)
	if err != nil {
		return nil, err
	}
	return &userv1.CheckAvatarsResponse{Shown: shown}, nil
}

// SetUsername changes the login name.
func (h Profiles) SetUsername(ctx context.Context, r *userv1.SetUsernameRequest) (*userv1.SetUsernameResponse, error) {
	record, err := h.service.SetUsername(ctx, callerOf(ctx), r.GetUsername())
	if err != nil {
		return nil, err
	}
	return &userv1.SetUsernameResponse{Me: toMe(record)}, nil
}

// SetPassword changes the password.
func (h Profiles) SetPassword(ctx context.Context, r *userv1.SetPasswordRequest) (*userv1.SetPasswordResponse, error) {
	proof, err := fromProof(r.GetCurrentPassword(), "code.code_request_id", r.GetCode())
	if err != nil {
		return nil, err
	}
	if err := h.service.SetPassword(ctx, callerOf(ctx), proof, r.GetNewPassword()); err != nil {
		return nil, err
	}
	return &userv1.SetPasswordResponse{}, nil
}

// SetPhone gives the account a phone number.
func (h Profiles) SetPhone(ctx context.Context, r *userv1.SetPhoneRequest) (*userv1.SetPhoneResponse, error) {
	code, err := fromCode("code.code_request_id", r.GetCode())
	if err != nil {
		return nil, err
	}
	proof, err := fromProof(r.GetPassword(), "old_code.code_request_id", r.GetOldCode())
	if err != nil {
		return nil, err
	}
	record, err := h.service.SetPhone(ctx, callerOf(ctx), r.GetPhone(), code, proof)
	if err != nil {
		return nil, err
	}
	return &userv1.SetPhoneResponse{Me: toMe(record)}, nil
}

// SetPrivacy changes the fields that are present.
func (h Profiles) SetPrivacy(ctx context.Context, r *userv1.SetPrivacyRequest) (*userv1.SetPrivacyResponse, error) {
	record, err := h.service.SetPrivacy(ctx, callerOf(ctx), user.PrivacyChange{
		PhoneForFriends: r.PhoneForFriends, FindableByPhone: r.FindableByPhone, PresenceHidden: r.PresenceHidden,
		ReceiptsHidden: r.ReceiptsHidden,
	})
	if err != nil {
		return nil, err
	}
	return &userv1.SetPrivacyResponse{Me: toMe(record)}, nil
}

// DeleteAccount removes the caller.
func (h Profiles) DeleteAccount(ctx context.Context, r *userv1.DeleteAccountRequest) (*userv1.DeleteAccountResponse, error) {
	proof, err := fromProof(r.GetPassword(), "code.code_request_id", r.GetCode())
	if err != nil {
		return nil, err
	}
	if err := h.service.DeleteAccount(ctx, callerOf(ctx), proof); err != nil {
		return nil, err
	}
	return &userv1.DeleteAccountResponse{}, nil
}

// SearchUsers finds people for the friend service.
func (h Profiles) SearchUsers(ctx context.Context, r *userv1.SearchUsersRequest) (*userv1.SearchUsersResponse, error) {
	excluded, err := ids.ParseUsers("excluded_user_ids", r.GetExcludedUserIds())
	if err != nil {
		return nil, err
	}
	among, err := ids.ParseUsers("among_user_ids", r.GetAmongUserIds())
	if err != nil {
		return nil, err
	}
	page, err := h.service.SearchUsers(ctx, user.Search{
		Query: r.GetQuery(), Part: user.Part(r.GetPart()), Excluded: excluded, Among: among, PageSize: int(r.GetPageSize()),
		Token: r.GetPageToken(), Reader: identity.FromContext(ctx).UserID.String(),
	})
	if err != nil {
		return nil, err
	}
	return toFound(page), nil
}

// ListFriendPhones answers numbers for the friend service.
func (h Profiles) ListFriendPhones(ctx context.Context, r *userv1.ListFriendPhonesRequest) (*userv1.ListFriendPhonesResponse, error) {
	people, err := ids.ParseUsers("user_ids", r.GetUserIds())
	if err != nil {
		return nil, err
	}
	phones, err := h.service.FriendPhones(ctx, people)
	if err != nil {
		return nil, err
	}
	answer := &userv1.ListFriendPhonesResponse{}
	for id, phone := range phones {
		answer.Phones = append(answer.Phones, &userv1.FriendPhone{UserId: id.String(), Phone: phone.Reveal()})
	}
	return answer, nil
}

// CheckPresence picks who lets others see their presence.
func (h Profiles) CheckPresence(ctx context.Context, r *userv1.CheckPresenceRequest) (*userv1.CheckPresenceResponse, error) {
	people, err := ids.ParseUsers("user_ids", r.GetUserIds())
	if err != nil {
		return nil, err
	}
	shown, err := h.service.CheckPresence(ctx, people)
	if err != nil {
		return nil, err
	}
	return &userv1.CheckPresenceResponse{UserIds: ids.Texts(shown)}, nil
}
