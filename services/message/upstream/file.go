// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Files implements the port of the same name.
type Files struct {
	client filev1connect.FileServiceClient
}

var _ message.Files = Files{}

// NewFiles calls through a generated client.
func NewFiles(client filev1connect.FileServiceClient) Files { return Files{client} }

// Cite calls the method of the same name.
func (f Files) Cite(ctx context.Context, citations []message.Citation) ([]message.CitedFile, error) {
	request := &filev1.CiteRequest{}
	for _, c := range citations {
		request.Items = append(request.Items, &filev1.CiteRequest_Item{
			Citation: toCitation(c), UserId: c.By.String(), Purpose: purpose(c.For), Forwarded: c.Forwarded,
		})
	}
	answer, err := f.client.Cite(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("cite files: %w", err)
	}
	found := make([]message.CitedFile, len(answer.GetResults()))
	for i, r := range answer.GetResults() {
		file := r.GetFile()
		if file == nil {
			continue
		}
		if found[i].ID, err = ids.ParseFile("file_id", file.GetFileId()); err != nil {
			return nil, fmt.Errorf("the file service answered no id: %s", file.GetFileId())
		}
		found[i].Name, found[i].Size, found[i].ContentType = file.GetName(), file.GetSize(), file.GetContentType()
		found[i].Width, found[i].Height, found[i].Duration = file.GetWidth(), file.GetHeight(), file.GetDurationMs()
	}
	return found, nil
}

func purpose(of message.FilePurpose) filev1.Purpose {
	switch of {
	case message.ForImage:
		return filev1.Purpose_PURPOSE_IMAGE
	case message.ForFile:
		return filev1.Purpose_PURPOSE_FILE
	case message.ForVoice:
		return filev1.Purpose_PURPOSE_VOICE
	case message.ForAvatar:
		return filev1.Purpose_PURPOSE_AVATAR
	}
	return filev1.Purpose_PURPOSE_UNSPECIFIED
}

func toCitation(c message.Citation) *filev1.Citation {
	if !c.Group.IsZero() {
		return &filev1.Citation{
			FileId: c.File.String(), Kind: filev1.HolderKind_HOLDER_KIND_GROUP, HolderId: c.Group.String(),
		}
	}
	return &filev1.Citation{
		FileId: c.File.String(), Kind: filev1.HolderKind_HOLDER_KIND_MESSAGE, HolderId: c.Sender.String(),
		ClientMessageId: c.ClientID.String(),
	}
}
