// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
			if one.ReplyTo = (message.Reply{Seq: one.ReplyTo.Seq}); one.Seq <= int64(len(d.messages)) {
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
		for _, one := range page.Items {
			one.ReplyTo = message.Reply{Seq: one.ReplyTo.Seq} // a device shows what it knows of that message
			d.messages = append(d.messages, one)
		}
	}
}

// change edits or recalls, and expects what the rules say.
func (m *model) change(t testing.TB, k *talk, s Step) {
	m.t.Helper()
	var (
		user = m.users[s.Sender]
		now  = m.service.Clock.Now().UnixMilli()
		text = m.text(s)
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
			want.Mentions.Users = message.UsersOf(m.named(k, text))
			for user := range k.called[s.Seq-1] {
				k.called[s.Seq-1][user] = k.called[s.Seq-1][user] && slices.Contains(m.named(k, text), user)
			}
		} else {
			want.Kind, want.Text, want.EditedAt, want.Edits = message.RecalledBody, "", 0, 0
			want.Recall = message.Recall{By: user, At: now}
			want.ReplyTo, want.Mentions = message.Reply{}, message.Mentions{}
			clear(k.called[s.Seq-1])
		}
		k.now[s.Seq-1] = want
	}
	if want = m.shown(k)[s.Seq-1]; got != want {
		m.t.Fatalf("change %+v: answered %+v, want %+v", s, got, want)
	}
}

// text of a step: plain, with one or two people, or with somebody who is in no conversation.
func (m *model) text(s Step) string {
	words := []string{fmt.Sprint("text ", s.Text)}
	for _, user := range [][]int{{}, {1}, {0, 2}, {3}}[s.Text] {
		words = append(words, "<@"+m.users[user].String()+">")
	}
	return strings.Join(words, " ")
}

// named lists the members of a conversation that a text mentions.
func (m *model) named(k *talk, text string) (users []ids.UserID) {
	for _, user := range []ids.UserID{k.pair.Low, k.pair.High} {
		if strings.Contains(text, "<@"+user.String()+">") {
			users = append(users, user)
		}
	}
	return users
}

// shown is what readers get: answers show the messages that they answer as these are now.
func (*model) shown(k *talk) []message.Message {
	shown := slices.Clone(k.now)
	for i, one := range shown {
		if one.ReplyTo.Seq > 0 {
			of := k.now[one.ReplyTo.Seq-1]
			shown[i].ReplyTo = message.Reply{
				Seq: of.Seq, Sender: of.Sender, Preview: of.Text, Recalled: of.Kind == message.RecalledBody, Edited: of.EditedAt > 0,
			}
			if of.Kind == message.Text {
				shown[i].ReplyTo.Kind = message.Text
			}
		}
	}
	return shown
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
