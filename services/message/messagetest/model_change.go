// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// device is what a client of one user keeps of one conversation.
type device struct {
	messages []message.Message // in the order of seq
	rev      int64
}

// sync brings a device up to date in small pages: the changes that it missed, then the messages. It must
// not matter that both were made while it was away.
func (m *model) sync(t testing.TB, k *talk, user ids.UserID) {
	m.t.Helper()
	if !k.opened || user != k.pair.Low && user != k.pair.High {
		return
	}
	d := k.devices[user]
	if d == nil {
		d = &device{}
		k.devices[user] = d
	}
	for {
		items, upTo, err := m.service.ListChanges(t.Context(), message.ChangesQuery{User: user, Conversation: k.id, AfterRev: d.rev, Limit: 2})
		if err != nil || upTo < d.rev {
			m.t.Fatalf("changes after %d: up to %d, %v", d.rev, upTo, err)
		}
		before := d.rev
		for _, one := range items {
			if one.Rev <= before || one.Rev > k.changes {
				m.t.Fatalf("changes after %d hold rev %d of %d", before, one.Rev, k.changes)
			}
			before = one.Rev
			if one.Seq <= int64(len(d.messages)) {
				d.messages[one.Seq-1] = one
			}
		}
		if d.rev = upTo; upTo == k.changes {
			break
		}
	}
	for {
		page, err := m.service.ListMessages(t.Context(), message.HistoryQuery{
			User: user, Conversation: k.id, Kind: message.AfterRange, Seq: int64(len(d.messages)), Limit: 3,
		})
		if err != nil {
			m.t.Fatalf("history: %v", err)
		}
		if len(page.Items) == 0 {
			return
		}
		d.messages = append(d.messages, page.Items...)
	}
}

// change edits or recalls, and expects what the rules say.
func (m *model) change(t testing.TB, k *talk, s Step) {
	m.t.Helper()
	var (
		user = m.users[s.Sender]
		now  = m.service.Clock.Now().UnixMilli()
		text = fmt.Sprint("text ", s.Text)
		got  message.Message
		err  error
	)
	if s.Kind == stepEdit {
		got, err = m.service.Edit(t.Context(), user, k.id, s.Seq, text)
	} else {
		got, err = m.service.Recall(t.Context(), user, k.id, s.Seq)
	}
	member := k.opened && (user == k.pair.Low || user == k.pair.High)
	if !member || s.Seq < 1 || s.Seq > int64(len(k.now)) {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("change of %d by %s: %v, want not found", s.Seq, user, err)
		}
		return
	}
	want := k.now[s.Seq-1]
	changes, refusal := m.rule(k, want, s, text)
	if !errors.Is(err, refusal) {
		m.t.Fatalf("change %+v: %v, want %v", s, err, refusal)
	}
	if refusal != nil {
		return
	}
	if changes {
		k.changes++
		want.Rev = k.changes
		if s.Kind == stepEdit {
			want.Text, want.EditedAt, want.Edits = text, now, want.Edits+1
		} else {
			want.Kind, want.Text, want.EditedAt, want.Edits = message.RecalledBody, "", 0, 0
			want.Recall = message.Recall{By: user, At: now}
		}
		k.now[s.Seq-1] = want
	}
	if got != want {
		m.t.Fatalf("change %+v: answered %+v, want %+v", s, got, want)
	}
}

// rule is what a member may do to a message, and whether anything changes then.
func (m *model) rule(k *talk, one message.Message, s Step, text string) (changes bool, refusal error) {
	recalled, own := one.Kind == message.RecalledBody, one.Sender == m.users[s.Sender]
	late := s.Kind == stepRecall && m.service.Clock.Now().UnixMilli()-one.SentAt > message.DefaultRecallWindow.Milliseconds()
	switch {
	case !own:
		return false, message.ErrForbidden
	case recalled && s.Kind == stepEdit:
		return false, message.ErrRecalled
	case recalled, s.Kind == stepEdit && one.Text == text:
		return false, nil
	case !k.open:
		return false, message.ErrReadOnly
	case late:
		return false, message.ErrTooLate
	}
	return true, nil
}
