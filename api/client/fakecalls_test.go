// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// called notes an RPC and answers what the test says about it.
func (f *fake) called(name string) error {
	f.mu.Lock()
	f.calls = append(f.calls, name)
	f.mu.Unlock()
	if refuse := get(f, &f.onCall); refuse != nil {
		return refuse(name, f.count(name))
	}
	return nil
}

func (f *fake) ListMessages(
	_ context.Context, in *messagev1.ListMessagesRequest,
) (*messagev1.ListMessagesResponse, error) {
	if err := f.called("ListMessages"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rooms[in.GetConversationId()]
	if r == nil {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("nothing"))
	}
	limit := int64(in.GetLimit())
	from, to := in.GetAfterSeq()+1, min(in.GetAfterSeq()+limit, int64(len(r.messages)))
	switch in.GetRange().(type) {
	case nil:
		from, to = max(1, int64(len(r.messages))-limit+1), int64(len(r.messages))
	case *messagev1.ListMessagesRequest_BeforeSeq:
		from, to = max(1, in.GetBeforeSeq()-limit), in.GetBeforeSeq()-1
	}
	out := &messagev1.ListMessagesResponse{Head: f.head(in.GetConversationId())}
	for seq := from; seq <= to; seq++ {
		if m := r.messages[seq-1]; m != nil {
			out.Items = append(out.Items, m)
			continue
		}
		if n := len(out.GetGaps()); n > 0 && out.GetGaps()[n-1].GetTo() == seq-1 {
			out.Gaps[n-1].To = seq
			continue
		}
		out.Gaps = append(out.Gaps, &messagev1.Gap{From: seq, To: seq, Reason: messagev1.GapReason_GAP_REASON_NOT_MEMBER})
	}
	return out, nil
}

func (f *fake) ListChanges(
	_ context.Context, in *messagev1.ListChangesRequest,
) (*messagev1.ListChangesResponse, error) {
	if err := f.called("ListChanges"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &messagev1.ListChangesResponse{UpToRev: in.GetAfterRev()}
	for _, m := range f.rooms[in.GetConversationId()].changes {
		if m.GetRev() > in.GetAfterRev() && len(out.GetItems()) < int(in.GetLimit()) {
			out.Items = append(out.Items, m)
			out.UpToRev = m.GetRev()
		}
	}
	return out, nil
}

func (f *fake) Sync(_ context.Context, in *messagev1.SyncRequest) (*messagev1.SyncResponse, error) {
	if err := f.called("Sync"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.moved(in.GetCursor()), nil
}

func (f *fake) ListConversations(
	_ context.Context, in *messagev1.ListConversationsRequest,
) (*messagev1.ListConversationsResponse, error) {
	if err := f.called("ListConversations"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.askedLeft = append(f.askedLeft, in.GetIncludeLeft())
	at, _ := strconv.Atoi(in.GetPageToken())
	out := &messagev1.ListConversationsResponse{}
	if at == 0 {
		out.Cursor = "c" + strconv.Itoa(f.version)
	}
	for i := len(f.order) - 1 - at; i >= 0; i-- {
		if len(out.GetConversations()) == 2 {
			out.NextPageToken = strconv.Itoa(at + 2)
			break
		}
		id := f.order[i]
		out.Conversations = append(out.Conversations, &messagev1.Conversation{ConversationId: id, Head: f.head(id)})
	}
	return out, nil
}

func (f *fake) Resolve(context.Context, *gatewayv1.ResolveRequest) (*gatewayv1.ResolveResponse, error) {
	if err := f.called("Resolve"); err != nil {
		return nil, err
	}
	return get(f, &f.onResolve)()
}

// moved answers heads since a cursor; the lock is held.
func (f *fake) moved(cursor string) *messagev1.SyncResponse {
	now := "c" + strconv.Itoa(f.version)
	since, err := strconv.Atoi(strings.TrimPrefix(cursor, "c"))
	if cursor == "" || err != nil {
		return &messagev1.SyncResponse{Reset_: true}
	}
	out := &messagev1.SyncResponse{Complete: true, Cursor: now}
	for _, id := range slices.Backward(f.order) {
		r := f.rooms[id]
		if r.moved <= since {
			continue
		}
		if f.limit > 0 && len(out.GetHeads()) == f.limit {
			// The oldest come first here, so that the cursor can stand for them.
			out.Complete = false
		}
		out.Heads = append(out.Heads, f.head(id))
	}
	if !out.GetComplete() {
		heads := out.GetHeads()
		out.Heads = heads[len(heads)-f.limit:]
		out.Cursor = "c" + strconv.Itoa(f.rooms[out.GetHeads()[0].GetConversationId()].moved)
	}
	return out
}

func (f *fake) head(id string) *messagev1.Head {
	r := f.rooms[id]
	return &messagev1.Head{
		ConversationId: id, Seq: int64(len(r.messages)), Rev: int64(len(r.changes)), MembersRev: 1, HiddenRev: int64(len(r.hidden)),
	}
}
