// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// LargeGroup makes a group of n new users by as many calls as it takes; the first user is its owner. They
// are sorted by id.
func (f *Fixture) LargeGroup(t testing.TB, n int) (ids.ConversationID, []ids.UserID) {
	t.Helper()
	list := users(n)
	first := min(n, message.MaxGroupUsers+1)
	view, err := f.CreateGroup(t.Context(), message.GroupDraft{
		Creator: list[0], Key: ids.NewIdempotencyKey(), Name: "Town", Members: list[1:first],
	})
	if err != nil {
		t.Fatalf("create group: %v", err)
	}
	id := view.Conversation.ID
	for chunk := range slices.Chunk(list[first:], message.MaxGroupUsers) {
		if view, err = f.AddMembers(t.Context(), list[0], id, chunk); err != nil {
			t.Fatalf("add members: %v", err)
		}
	}
	if view.Conversation.MemberCount != n {
		t.Fatalf("%d members, want %d", view.Conversation.MemberCount, n)
	}
	return id, list
}

// large fills a group to its limit, then lists, sends and reads. What one call answers has a bound that is
// no matter of how many members there are.
func (s suite) large(t *testing.T) {
	f := Start(t, s.store, 1)
	id, list := f.LargeGroup(t, message.MaxGroupMembers)
	if _, err := f.AddMembers(t.Context(), list[0], id, users(1)); !errors.Is(err, message.ErrGroupFull) {
		t.Errorf("one more: %v", err)
	}
	if _, err := f.AddMembers(t.Context(), list[0], id, list[:message.MaxGroupUsers]); err != nil {
		t.Errorf("those who are members: %v", err)
	}
	var got []ids.UserID
	pages, token := 0, ""
	for {
		page, err := f.ListMembers(t.Context(), list[9_999], id, message.MaxMembersPage, token)
		if err != nil || len(page.Members) > message.MaxMembersPage || page.Count() != message.MaxGroupMembers {
			t.Fatalf("page of %d, %v", len(page.Members), err)
		}
		for _, m := range page.Members {
			got = append(got, m.UserID)
		}
		pages++
		if token = page.Next; token == "" {
			break
		}
	}
	if want := message.MaxGroupMembers / message.MaxMembersPage; !slices.Equal(got, list) || pages != want {
		t.Errorf("%d members on %d pages", len(got), pages)
	}
	// Twenty messages of the server, one for each call, and what the members say.
	const calls, sends = 20, 30
	for i := range sends {
		f.Say(t, list[i*300], id, "hello")
	}
	last, err := f.ListMessages(t.Context(), message.HistoryQuery{User: list[0], Conversation: id, Limit: message.MaxPageItems})
	if err != nil || len(last.Items) != calls+sends || len(last.Gaps) != 0 {
		t.Errorf("%d messages, gaps %v, %v", len(last.Items), last.Gaps, err)
	}
	late := list[9_999] // came with the last call
	page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: late, Conversation: id, Kind: message.AfterRange})
	if err != nil || len(page.Items) != 1+sends || len(page.Gaps) != 1 || page.Gaps[0].To != calls-1 || page.Head.Unread != sends {
		t.Errorf("who came last: %d messages, gaps %v, %d unread, %v", len(page.Items), page.Gaps, page.Head.Unread, err)
	}
	audience, err := f.MembersAt(t.Context(), message.AudienceQuery{Conversation: id, MembersRev: calls})
	if err != nil || !slices.Equal(audience.Users, list) {
		t.Errorf("audience of %d, %v", len(audience.Users), err)
	}
	if typing, err := f.Recipients(t.Context(), late, id); err != nil || len(typing.Users) != 1 {
		t.Errorf("%d hear who types, %v", len(typing.Users), err)
	}
	for _, e := range f.Publisher.Events() {
		if len(e.Recipients) > 0 || e.MembersRev == 0 {
			t.Errorf("%s names %d users", e.Kind, len(e.Recipients))
		}
	}
}
