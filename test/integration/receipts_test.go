// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// receiptsCount is how soon a change of the switch counts at every gateway.
const receiptsCount = 2 * time.Second

// TestF28_WhoHidesWhatTheyReadShowsItToTheirOwnDevicesOnly reads at one gateway by frames and at the other
// by calls, in a pair and in a group, with the switch on, and then off again.
func TestF28_WhoHidesWhatTheyReadShowsItToTheirOwnDevicesOnly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	base, far := sys.Public(0), sys.Public(1)
	peer, reader := people.Register(t, base, "peer"), people.Register(t, base, "reader")
	third := people.Register(t, base, "third")
	pair := people.Befriend(t, peer, reader)
	people.Befriend(t, peer, third)
	places := []string{pair, people.Group(t, peer, reader, third)}
	hears, reads, other := connectWire(t, base, peer), connectWire(t, far, reader), connectWire(t, base, reader)
	for i := range 5 {
		for _, id := range places {
			peer.Do(t, messageSend, people.Text(id, fmt.Sprint(i)), &messagev1.SendResponse{})
		}
	}
	read := func(seq int64) {
		t.Helper()
		for _, id := range places {
			if refused := reads.quiet(readFrame(id, seq)); refused != nil {
				t.Fatalf("read %d: %v", seq, refused)
			}
			reader.Do(t, "parley.message.v1.ConversationService/MarkRead", &messagev1.MarkReadRequest{ConversationId: id, Seq: seq + 1}, &messagev1.MarkReadResponse{})
		}
		for _, id := range places {
			other.hear(func() bool { return slices.Contains(markersHeard(other, id, reader), seq+1) })
		}
	}
	shown := func(seq int64) {
		t.Helper()
		for _, id := range places {
			hears.hear(func() bool { return slices.Contains(markersHeard(hears, id, reader), seq) })
		}
		sees(t, peer, reader, places, seq)
		sees(t, reader, reader, places, seq)
	}
	hideReceipts(t, reader, false)
	read(1)
	shown(2)
	hideReceipts(t, reader, true)
	read(3)
	sees(t, peer, reader, places, 2)
	sees(t, reader, reader, places, 4)
	hears.fence()
	for _, id := range places {
		if got := markersHeard(hears, id, reader); slices.Max(got) != 2 {
			t.Errorf("the peer hears of %v", got)
		}
	}
	hideReceipts(t, reader, false)
	read(4)
	shown(5)
	for _, id := range places {
		if got := markersHeard(hears, id, reader); slices.Contains(got, 3) || slices.Max(got) != 5 {
			t.Errorf("the peer hears of %v", got)
		}
	}
}

// hideReceipts flips the switch and waits until it counts everywhere.
func hideReceipts(t *testing.T, p *people.Person, hidden bool) {
	t.Helper()
	var out userv1.SetPrivacyResponse
	p.Do(t, "parley.user.v1.UserService/SetPrivacy", &userv1.SetPrivacyRequest{ReceiptsHidden: &hidden}, &out)
	if out.GetMe().GetPrivacy().GetReceiptsHidden() != hidden {
		t.Errorf("the answer to hide %v: %v", hidden, out.GetMe().GetPrivacy())
	}
	<-time.After(receiptsCount)
}

// markersHeard are the positions up to which a device heard somebody read.
func markersHeard(w *wire, conversation string, reader *people.Person) (list []int64) {
	for _, frame := range w.heard {
		kind, ok := frame.GetKind().(*gatewayv1.ServerFrame_Read)
		if ok && kind.Read.GetConversationId() == conversation && kind.Read.GetUserId() == reader.ID {
			list = append(list, kind.Read.GetSeq())
		}
	}
	return list
}

// sees asks how far somebody has read, in the pair and in each place by its members.
func sees(t *testing.T, viewer, reader *people.Person, places []string, want int64) {
	t.Helper()
	var pair messagev1.GetConversationResponse
	viewer.Do(t, "parley.message.v1.ConversationService/GetConversation", &messagev1.GetConversationRequest{ConversationId: places[0]}, &pair)
	for _, m := range pair.GetConversation().GetMarkers() {
		if m.GetUserId() == reader.ID && m.GetSeq() != want {
			t.Errorf("GetConversation: read up to %d, want %d", m.GetSeq(), want)
		}
	}
	for _, id := range places {
		var page messagev1.ListMembersResponse
		viewer.Do(t, "parley.message.v1.ConversationService/ListMembers", &messagev1.ListMembersRequest{ConversationId: id}, &page)
		found := false
		for _, m := range page.GetMembers() {
			found = found || m.GetUserId() == reader.ID && m.GetReadSeq() == want
		}
		if !found {
			t.Errorf("ListMembers: %v, want %d of %s", page.GetMembers(), want, reader.ID)
		}
	}
}
