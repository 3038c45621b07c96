// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
)

// MaxVoiceBytes of an answer with a voice message: 10 MiB, and what stands around it.
const MaxVoiceBytes = 11 << 20

// reasonUnfit says that a file is no voice message.
const reasonUnfit = "FILE_UNFIT"

// Recordings is the port speech.Recordings over Connect.
type Recordings struct {
	client filev1connect.FileServiceClient
}

// NewRecordings takes a client of the file service.
func NewRecordings(client filev1connect.FileServiceClient) *Recordings { return &Recordings{client} }

// Read answers a recording. Its format is what its bytes say.
func (x *Recordings) Read(ctx context.Context, file ids.FileID) (speech.Recording, error) {
	answer, err := x.client.ReadVoice(ctx, &filev1.ReadVoiceRequest{FileId: file.String()})
	if err == nil {
		return speech.Recording{Format: speech.Sniff(answer.GetContent()), Bytes: answer.GetContent()}, nil
	}
	known, ok := fault.Of(err)
	switch {
	case ok && known.Reason() == reasonUnfit:
		return speech.Recording{}, speech.Unfit(speech.WhyFormat).Because(err)
	case fault.KindOf(err) == fault.NotFound:
		return speech.Recording{}, fmt.Errorf("%w: %w", speech.ErrGone, err)
	default:
		return speech.Recording{}, fmt.Errorf("read voice: %w", err)
	}
}
