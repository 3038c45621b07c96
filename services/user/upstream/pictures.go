// SPDX-License-Identifier: Apache-2.0

// Package upstream asks the file service about pictures.
package upstream

import (
	"context"
	"errors"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Pictures implements the port of the same name.
type Pictures struct {
	client filev1connect.FileServiceClient
}

// NewPictures calls through a generated client.
func NewPictures(client filev1connect.FileServiceClient) Pictures { return Pictures{client} }

// Cite cites one picture.
func (p Pictures) Cite(ctx context.Context, person ids.UserID, picture ids.FileID) error {
	answer, err := p.client.Cite(ctx, &filev1.CiteRequest{Items: []*filev1.CiteRequest_Item{{
		UserId: person.String(), Purpose: filev1.Purpose_PURPOSE_AVATAR,
		Citation: &filev1.Citation{
			FileId: picture.String(), Kind: filev1.HolderKind_HOLDER_KIND_USER, HolderId: person.String(),
		},
	}}})
	switch {
	case errors.Is(err, fault.ErrUnavailable):
		return user.ErrFilesUnavailable.Because(err)
	case err != nil:
		return err
	case len(answer.GetResults()) != 1 || answer.GetResults()[0].GetFile() == nil:
		return user.ErrFileNotReady
	}
	return nil
}
