// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/messagetest"
)

func hide(t *testing.T, f *messagetest.Fixture, user ids.UserID, id ids.ConversationID, seqs ...int64) (h message.Head) {
	t.Helper()
	for _, seq := range seqs {
		var err error
		if h, err = f.Hide(t.Context(), user, id, seq); err != nil {
			t.Fatalf("hide %d: %v", seq, err)
		}
	}
	return h
}

func TestF15_HiddenMessagesAreGapsForTheirUserAlone(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	for range 6 {
		f.Say(t, a, id, "x")
	}
	hide(t, f, b, id, 2, 4, 5)
	for name, row := range map[string]struct {
		user   ids.UserID
		query  message.HistoryQuery
		items  []int64
		hidden []message.Interval
	}{
		"all":            {b, message.HistoryQuery{}, []int64{1, 3, 6}, []message.Interval{{From: 2, To: 2}, {From: 4, To: 5}}},
		"others see all": {a, message.HistoryQuery{}, []int64{1, 2, 3, 4, 5, 6}, nil},
		"a page may be hidden as a whole": {
			b, message.HistoryQuery{Kind: message.AfterRange, Seq: 3, Limit: 2}, nil, []message.Interval{{From: 4, To: 5}},
		},
		"around a hidden one": {
			b, message.HistoryQuery{Kind: message.AroundRange, Seq: 4, Limit: 4}, []int64{3}, []message.Interval{{From: 2, To: 2}, {From: 4, To: 5}},
		},
	} {
		row.query.User, row.query.Conversation = row.user, id
		page, err := f.ListMessages(t.Context(), row.query)
		if err != nil {
			t.Fatal(err)
		}
		var items []int64
		for _, m := range page.Items {
			items = append(items, m.Seq)
		}
		if diff := cmp.Diff(row.items, items) + cmp.Diff(row.hidden, page.Hidden); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestF15_UnreadAndLastMessageLeaveOutWhatIsHidden(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	other, _, _ := f.Open(t)
	f.Say(t, a, id, "first")
	f.Say(t, a, id, "second")
	last := func(user ids.UserID) string {
		list, err := f.ListConversations(t.Context(), message.ListQuery{User: user})
		if err != nil || len(list.Views) != 1 {
			t.Fatalf("list: %+v, %v", list, err)
		}
		view, err := f.Conversation(t.Context(), user, id)
		if diff := cmp.Diff(list.Views[0], view); err != nil || diff != "" {
			t.Errorf("list and conversation differ: %v\n%s", err, diff)
		}
		if view.Last == nil {
			return "none"
		}
		return view.Last.Text
	}
	if head := hide(t, f, b, id, 2); head.Unread != 1 || last(b) != "first" || last(a) != "second" {
		t.Errorf("one hidden: unread %d, last %q", head.Unread, last(b))
	}
	if head := hide(t, f, b, id, 1); head.Unread != 0 || last(b) != "none" {
		t.Errorf("all hidden: unread %d, last %q", head.Unread, last(b))
	}
	f.Say(t, a, id, "third")
	if last(b) != "third" {
		t.Errorf("a new one: last %q", last(b))
	}
	seqs, upTo, err := f.ListHidden(t.Context(), b, id, 1)
	if err != nil || upTo != 2 || !cmp.Equal(seqs, []int64{1}) {
		t.Errorf("hidden since: %v up to %d, %v", seqs, upTo, err)
	}
	if _, _, err := f.ListHidden(t.Context(), b, other, 0); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("of a foreign conversation: %v", err)
	}
}

func TestF15_WhatIsHiddenShowsNowhere(t *testing.T) {
	t.Parallel()
	f := messagetest.Start(t, messagetest.NewStore(), 1)
	id, a, b := f.Open(t)
	f.Say(t, a, id, "secret")
	answer := messagetest.NewDraft(a, id, "as I said")
	answer.ReplyTo = 1
	if _, err := f.Send(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	hide(t, f, b, id, 1)
	if _, err := f.Edit(t.Context(), a, id, 1, "secret, edited"); err != nil {
		t.Fatal(err)
	}
	page, err := f.ListMessages(t.Context(), message.HistoryQuery{User: b, Conversation: id})
	if err != nil || len(page.Items) != 1 || page.Items[0].ReplyTo != (message.Reply{Seq: 1}) {
		t.Errorf("the quote shows %+v, %v", page.Items, err)
	}
	if items, upTo, err := f.ListChanges(t.Context(), message.ChangesQuery{User: b, Conversation: id}); err != nil || len(items) != 0 || upTo != 1 {
		t.Errorf("changes: %+v up to %d, %v", items, upTo, err)
	}
	if items, _, err := f.ListChanges(t.Context(), message.ChangesQuery{User: a, Conversation: id}); err != nil || len(items) != 1 {
		t.Errorf("changes for the other one: %+v, %v", items, err)
	}
	if _, _, err := f.ListVersions(t.Context(), message.VersionsQuery{User: b, Conversation: id, Seq: 1}); !errors.Is(err, message.ErrNotFound) {
		t.Errorf("versions: %v", err)
	}
}

func TestF15_AUserHidesAtMostTenThousandOfAConversation(t *testing.T) {
	t.Parallel()
	user := ids.NewUser()
	c := message.Conversation{Seq: 5, Members: []message.Member{{UserID: user, JoinedSeq: 1, HiddenRev: message.MaxHidden - 1}}}
	h := message.Hiding{User: user, Seq: 3}
	m, _, err := message.DecideHiding(c, false, h)
	if err != nil || m.HiddenRev != message.MaxHidden {
		t.Fatalf("the last one: %+v, %v", m, err)
	}
	c.Members[0] = m
	if _, _, err := message.DecideHiding(c, false, h); !errors.Is(err, message.ErrTooManyHidden) {
		t.Errorf("one more: %v", err)
	}
	if _, events, err := message.DecideHiding(c, true, h); err != nil || len(events) != 0 {
		t.Errorf("a repeat: %d events, %v", len(events), err)
	}
}
