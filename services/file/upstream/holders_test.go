// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"context"
	"slices"
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/upstream"
	"github.com/parley-chat/parley/services/internal/ids"
)

// messages shows what it is told to show, and answers short if it is told so.
type messages struct {
	messagev1connect.MessageServiceClient
	userv1connect.UserServiceClient

	readable []string
	shown    map[string]bool // by client message id, or holder without one
	short    bool
	kinds    []filev1.HolderKind
}

func (m *messages) CheckReadable(_ context.Context, _ *messagev1.CheckReadableRequest) (*messagev1.CheckReadableResponse, error) {
	return &messagev1.CheckReadableResponse{FileIds: m.readable}, nil
}

func (m *messages) CheckCitations(_ context.Context, r *messagev1.CheckCitationsRequest) (*messagev1.CheckCitationsResponse, error) {
	response := &messagev1.CheckCitationsResponse{}
	for _, c := range r.GetCitations() {
		m.kinds = append(m.kinds, c.GetKind())
		name := c.GetClientMessageId()
		if name == "" {
			name = c.GetHolderId()
		}
		response.Shown = append(response.Shown, m.shown[name])
	}
	if m.short {
		response.Shown = response.Shown[1:]
	}
	return response, nil
}

func (m *messages) CheckAvatars(_ context.Context, r *userv1.CheckAvatarsRequest) (*userv1.CheckAvatarsResponse, error) {
	response := &userv1.CheckAvatarsResponse{}
	for _, c := range r.GetCitations() {
		m.kinds = append(m.kinds, c.GetKind())
		response.Shown = append(response.Shown, m.shown[c.GetHolderId()])
	}
	return response, nil
}

func TestReadableAsksTheMessageService(t *testing.T) {
	t.Parallel()
	id := ids.NewFile()
	m := &messages{readable: []string{id.String()}}
	got, err := upstream.NewHolders(m, m).Readable(t.Context(), ids.NewUser(), []ids.FileID{id, ids.NewFile()})
	if err != nil || !slices.Equal(got, []ids.FileID{id}) {
		t.Errorf("readable %v, %v", got, err)
	}
	m.readable = []string{"nonsense"}
	if _, err := upstream.NewHolders(m, m).Readable(t.Context(), ids.NewUser(), []ids.FileID{id}); err == nil {
		t.Error("nonsense is believed")
	}
}

func TestShownKeepsTheOrderAndBelievesWholeAnswersOnly(t *testing.T) {
	t.Parallel()
	said, gone, group, person := ids.NewClientMessage(), ids.NewClientMessage(), ids.NewConversation(), ids.NewUser()
	m := &messages{shown: map[string]bool{said.String(): true, group.String(): true, person.String(): true}}
	citations := []file.Citation{
		{File: ids.NewFile(), Kind: file.ByUser, Holder: person},
		{File: ids.NewFile(), Kind: file.ByUser, Holder: ids.NewUser()},
		{File: ids.NewFile(), Kind: file.ByMessage, Holder: ids.NewUser(), Message: gone},
		{File: ids.NewFile(), Kind: file.ByMessage, Holder: ids.NewUser(), Message: said},
		{File: ids.NewFile(), Kind: file.ByGroup, Holder: group},
	}
	got, err := upstream.NewHolders(m, m).Shown(t.Context(), citations)
	if err != nil || !slices.Equal(got, []bool{true, false, false, true, true}) {
		t.Errorf("shown %v, %v", got, err)
	}
	if want := []filev1.HolderKind{filev1.HolderKind_HOLDER_KIND_MESSAGE, filev1.HolderKind_HOLDER_KIND_MESSAGE, filev1.HolderKind_HOLDER_KIND_GROUP, filev1.HolderKind_HOLDER_KIND_USER, filev1.HolderKind_HOLDER_KIND_USER}; !slices.Equal(m.kinds, want) {
		t.Errorf("asked about %v", m.kinds)
	}
	m.short = true
	if _, err := upstream.NewHolders(m, m).Shown(t.Context(), citations); err == nil {
		t.Error("an answer that is too short is believed")
	}
}
