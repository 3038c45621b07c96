// SPDX-License-Identifier: Apache-2.0

package connectapi

import (
	"context"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

// voicesAtOnce bounds the memory of ReadVoice, which holds a recording of up to 10 MiB twice.
const voicesAtOnce = 2

// Bounds of methods that are not like others.
func Bounds() map[string]rpcserver.Bounds {
	return map[string]rpcserver.Bounds{filev1connect.FileServiceReadVoiceProcedure: {Parallel: voicesAtOnce}}
}

// ReadVoice answers a voice message.
func (h Handler) ReadVoice(ctx context.Context, r *filev1.ReadVoiceRequest) (*filev1.ReadVoiceResponse, error) {
	id, err := ids.ParseFile("file_id", r.GetFileId())
	if err != nil {
		return nil, err
	}
	voice, err := h.service.ReadVoice(ctx, id)
	if err != nil {
		return nil, err
	}
	return &filev1.ReadVoiceResponse{ContentType: voice.ContentType, Content: voice.Content}, nil
}
