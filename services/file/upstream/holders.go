// SPDX-License-Identifier: Apache-2.0

// Package upstream asks the services that show files.
package upstream

import (
	"context"
	"fmt"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Holders implements the port of the same name.
type Holders struct {
	messages messagev1connect.MessageServiceClient
	users    userv1connect.UserServiceClient
}

// NewHolders calls through generated clients.
func NewHolders(messages messagev1connect.MessageServiceClient, users userv1connect.UserServiceClient) Holders {
	return Holders{messages, users}
}

// Readable asks the message service.
func (h Holders) Readable(ctx context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error) {
	request := &messagev1.CheckReadableRequest{UserId: user.String()}
	for _, id := range files {
		request.FileIds = append(request.FileIds, id.String())
	}
	answer, err := h.messages.CheckReadable(ctx, request)
	if err != nil {
		return nil, err
	}
	var may []ids.FileID
	for _, text := range answer.GetFileIds() {
		id, err := ids.ParseFile("file_ids", text)
		if err != nil {
			return nil, fmt.Errorf("the message service answered no file id: %s", text)
		}
		may = append(may, id)
	}
	return may, nil
}

// Shown asks each service about what it shows.
func (h Holders) Shown(ctx context.Context, citations []file.Citation) ([]bool, error) {
	shown := make([]bool, len(citations))
	var said, worn []int // places of citations by messages and groups, and by people
	for i, c := range citations {
		if c.Kind == file.ByUser {
			worn = append(worn, i)
		} else {
			said = append(said, i)
		}
	}
	if len(said) > 0 {
		answer, err := h.messages.CheckCitations(ctx, &messagev1.CheckCitationsRequest{Citations: toCitations(citations, said)})
		if err == nil {
			err = place(shown, said, answer.GetShown())
		}
		if err != nil {
			return nil, err
		}
	}
	if len(worn) > 0 {
		answer, err := h.users.CheckAvatars(ctx, &userv1.CheckAvatarsRequest{Citations: toCitations(citations, worn)})
		if err == nil {
			err = place(shown, worn, answer.GetShown())
		}
		if err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// place puts answers where they belong. A service that answers less than it was asked is not believed: what it
// leaves out would be lost.
func place(shown []bool, places []int, answers []bool) error {
	if len(answers) != len(places) {
		return fmt.Errorf("%d answers to %d questions about citations", len(answers), len(places))
	}
	for i, at := range places {
		shown[at] = answers[i]
	}
	return nil
}

func toCitations(citations []file.Citation, places []int) []*filev1.Citation {
	list := make([]*filev1.Citation, len(places))
	for i, at := range places {
		list[i] = toCitation(citations[at])
	}
	return list
}

func toCitation(c file.Citation) *filev1.Citation {
	citation := &filev1.Citation{
		FileId: c.File.String(), Kind: filev1.HolderKind(c.Kind), HolderId: ids.UserID(c.Holder).String(), //nolint:gosec // one of three
	}
	if c.Kind == file.ByMessage {
		citation.ClientMessageId = c.Message.String()
	}
	return citation
}
