// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/upstream"
)

// files answers one call.
type files struct {
	filev1connect.FileServiceClient

	asked  *filev1.CiteRequest
	answer *filev1.CiteResponse
	err    error
}

func (f *files) Cite(_ context.Context, req *filev1.CiteRequest) (*filev1.CiteResponse, error) {
	f.asked = req
	return f.answer, f.err
}

func TestFilesAreCited(t *testing.T) {
	t.Parallel()
	a, file, picture := ids.NewUser(), ids.NewFile(), ids.NewFile()
	client, group := ids.NewClientMessage(), ids.NewConversation()
	fake := &files{answer: &filev1.CiteResponse{Results: []*filev1.CiteResponse_Result{
		{File: &filev1.File{FileId: file.String(), Name: "报告.pdf", Size: 5, ContentType: "application/pdf", Width: 1, Height: 2, DurationMs: 3}},
		{},
	}}}
	got, err := upstream.NewFiles(fake).Cite(t.Context(), []message.Citation{
		{File: file, By: a, For: message.ForVoice, Forwarded: true, Holder: message.Holder{Sender: a, ClientID: client}},
		{File: picture, By: a, For: message.ForAvatar, Holder: message.Holder{Group: group}},
	})
	want := []message.CitedFile{
		{ID: file, Name: "报告.pdf", Size: 5, ContentType: "application/pdf", Width: 1, Height: 2, Duration: 3}, {},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	asked := &filev1.CiteRequest{Items: []*filev1.CiteRequest_Item{
		{UserId: a.String(), Purpose: filev1.Purpose_PURPOSE_VOICE, Forwarded: true, Citation: &filev1.Citation{
			FileId: file.String(), Kind: filev1.HolderKind_HOLDER_KIND_MESSAGE, HolderId: a.String(), ClientMessageId: client.String(),
		}},
		{UserId: a.String(), Purpose: filev1.Purpose_PURPOSE_AVATAR, Citation: &filev1.Citation{
			FileId: picture.String(), Kind: filev1.HolderKind_HOLDER_KIND_GROUP, HolderId: group.String(),
		}},
	}}
	if diff := cmp.Diff(asked, fake.asked, protocmp.Transform()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	fake.err = fault.ErrUnavailable
	if _, err := upstream.NewFiles(fake).Cite(t.Context(), nil); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	fake.err, fake.answer.Results[0].File.FileId = nil, "x"
	if _, err := upstream.NewFiles(fake).Cite(t.Context(), nil); err == nil {
		t.Error("no id is taken for one")
	}
}
