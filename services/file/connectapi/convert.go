// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
)

func fileIDs(texts []string) ([]ids.FileID, error) {
	list := make([]ids.FileID, len(texts))
	for i, text := range texts {
		var err error
		if list[i], err = ids.ParseFile("file_ids", text); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func fromItems(items []*filev1.CiteRequest_Item) ([]file.Wish, error) {
	wishes := make([]file.Wish, len(items))
	for i, item := range items {
		citation, err := fromCitation(item.GetCitation())
		if err != nil {
			return nil, err
		}
		user, err := ids.ParseUser("user_id", item.GetUserId())
		if err != nil {
			return nil, err
		}
		wishes[i] = file.Wish{Citation: citation, User: user, Purpose: file.Purpose(item.GetPurpose()), Forwarded: item.GetForwarded()}
	}
	return wishes, nil
}

// fromCitation reads the holder as an id of any kind: each has its own meaning of the same form.
func fromCitation(c *filev1.Citation) (file.Citation, error) {
	id, err := ids.ParseFile("file_id", c.GetFileId())
	if err != nil {
		return file.Citation{}, err
	}
	holder, err := ids.ParseUser("holder_id", c.GetHolderId())
	if err != nil {
		return file.Citation{}, err
	}
	citation := file.Citation{File: id, Kind: file.HolderKind(c.GetKind()), Holder: holder}
	if c.GetKind() == filev1.HolderKind_HOLDER_KIND_MESSAGE {
		if citation.Message, err = ids.ParseClientMessage("client_message_id", c.GetClientMessageId()); err != nil {
			return file.Citation{}, err
		}
	}
	return citation, nil
}

// toFile is a file without links.
func toFile(f file.File) *filev1.File {
	return &filev1.File{
		FileId: f.ID.String(), Purpose: filev1.Purpose(f.Purpose), Name: f.Name, Size: f.Size, ContentType: f.ContentType, //nolint:gosec // one of four
		Sha256: f.Hash[:], Width: int32(f.Width), Height: int32(f.Height), DurationMs: int32(f.Duration.Milliseconds()), //nolint:gosec // bounded at completion
		OwnerId: f.Owner.String(), CreatedAt: f.CompletedAt,
	}
}

func toSeen(s file.Seen) *filev1.File {
	answer := toFile(s.File)
	answer.Link = toLink(s.Link)
	for i, t := range s.Thumbnails {
		answer.Thumbnails = append(answer.Thumbnails, &filev1.Thumbnail{
			Width: int32(t.Width), Height: int32(t.Height), Link: toLink(s.ThumbnailLinks[i]), //nolint:gosec // bounded at completion
		})
	}
	return answer
}

func toLink(l file.Link) *filev1.Link {
	return &filev1.Link{Url: l.URL, ExpiresAt: l.ExpiresAt, Presigned: l.Presigned}
}

func toPresigned(p *file.Presigned) *filev1.Presigned {
	if p == nil {
		return nil
	}
	return &filev1.Presigned{Method: p.Method, Url: p.URL, Headers: p.Headers}
}

// way of links that a caller wants.
func way(r interface{ GetThroughParley() bool }) file.Way {
	if r.GetThroughParley() {
		return file.ThroughParley
	}
	return file.Shortest
}

func toBatch(wanted []ids.FileID, seen []file.Seen) *filev1.BatchGetFilesResponse {
	response := &filev1.BatchGetFilesResponse{}
	answered := map[ids.FileID]bool{}
	for _, s := range seen {
		answered[s.ID] = true
		response.Files = append(response.Files, toSeen(s))
	}
	for _, id := range wanted {
		if !answered[id] {
			answered[id] = true
			response.MissingFileIds = append(response.MissingFileIds, id.String())
		}
	}
	return response
}
