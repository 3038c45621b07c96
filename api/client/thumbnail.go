// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
)

// ErrNoThumbnail says that there is no smaller picture of a file: it is no picture, or none of a png, jpeg or gif.
// Download has the file itself.
var ErrNoThumbnail = errors.New("the file has no smaller picture")

// maxThumbnail is more than a picture of 1280 pixels takes in any form.
const maxThumbnail = 16 << 20

// Thumbnail fetches a smaller picture of a file that the user may read, a png or jpeg: the smallest whose longer side
// has at least that many pixels, else the largest there is. It needs no Run, and tries until ctx ends, so give it a
// deadline. The error is ErrNoThumbnail, a FileError that says why the server does not give it, or that of ctx.
func (c *Client) Thumbnail(ctx context.Context, fileID string, side int) ([]byte, error) {
	request := &filev1.GetFileRequest{FileId: fileID}
	var picture []byte
	err := c.persist(ctx, func(ctx context.Context) (moved bool, err error) {
		call, cancel := context.WithTimeout(ctx, rpcDeadline)
		defer cancel()
		answer, err := c.rpc.files.GetFile(call, request)
		if err != nil {
			return false, err
		}
		chosen := thumbnailOf(answer.GetFile(), side)
		if chosen == nil {
			return false, ownError{ErrNoThumbnail}
		}
		if picture, err = c.fetchThumbnail(ctx, chosen.GetLink()); err != nil && chosen.GetLink().GetPresigned() {
			request.ThroughParley = true // the store cannot be reached from here
		}
		return false, err
	})
	if err != nil {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	return picture, nil
}

// thumbnailOf chooses among those of a file, which come with the smallest first; nil if it has none.
func thumbnailOf(file *filev1.File, side int) *filev1.Thumbnail {
	var chosen *filev1.Thumbnail
	for _, t := range file.GetThumbnails() {
		if chosen = t; int(max(t.GetWidth(), t.GetHeight())) >= side {
			break
		}
	}
	return chosen
}

// fetchThumbnail gets all of it or nothing.
func (c *Client) fetchThumbnail(ctx context.Context, link *filev1.Link) ([]byte, error) {
	ctx, patience := patiently(ctx)
	defer patience.stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link.GetUrl(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.exchange(request, link.GetPresigned())
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() // what was read is whole
	if answer.StatusCode != http.StatusOK {
		return nil, noBytes(answer, link)
	}
	picture, err := io.ReadAll(io.LimitReader(&incoming{answer.Body, patience}, maxThumbnail+1))
	if err == nil && len(picture) > maxThumbnail {
		err = ownError{ErrDamaged}
	}
	return picture, err
}
