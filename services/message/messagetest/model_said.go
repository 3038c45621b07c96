// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// said is one message: who sent it, whether the server did, who can see it, and what became of it.
type said struct {
	sender   ids.UserID
	system   bool
	seen     map[ids.UserID]bool
	at       int64 // ms
	text     string
	recalled bool
	edits    int32
	rev      int64
	reply    int64
	forward  int64 // position of what was copied
	shownFile
	reacted map[string]map[ids.UserID]bool
}

// speak does what is about messages.
func (m *groupModel) speak(t testing.TB, s GroupStep) {
	ctx, actor := t.Context(), m.users[s.Actor]
	var err error
	switch s.Kind {
	case 9:
		_, err = m.service.Edit(ctx, actor, m.id, s.Seq, newText(s))
		m.expectChange(s, err, m.mayEdit(s))
	case 10:
		_, err = m.service.Recall(ctx, actor, m.id, s.Seq)
		m.expectChange(s, err, m.mayRecall(s))
	case 11, 12:
		_, err = m.service.React(ctx, message.Given{User: actor, Conversation: m.id, Seq: s.Seq, Emoji: emoji(s), Remove: s.Kind == 12})
		m.expectChange(s, err, m.mayReact(s))
	case 13:
		head, err := m.service.Hide(ctx, actor, m.id, s.Seq)
		m.expect(s, err, m.mayHide(actor, s.Seq), func() { m.hide(actor, s.Seq, head) })
	case 14:
		d := NewDraft(actor, m.id, "")
		d.Forward = message.Source{Conversation: m.id, Seq: max(1, s.Seq)}
		_, err = m.service.Send(ctx, d)
		m.expect(s, err, m.mayForward(actor, d.Forward.Seq), func() {
			one := m.send(actor, m.at(d.Forward.Seq).text)
			one.forward, one.shownFile = d.Forward.Seq, m.at(d.Forward.Seq).copied(d.ClientID)
		})
	case 15:
		m.service.Clock.Add(message.DefaultRecallWindow / 3)
	default:
		d := NewDraft(actor, m.id, newText(s))
		d.ReplyTo = max(0, s.Seq-10)
		_, err = m.service.Send(ctx, d)
		m.expect(s, err, m.mayAnswer(actor, d.ReplyTo), func() { m.send(actor, d.Text).reply = d.ReplyTo })
	}
}

func newText(s GroupStep) string { return fmt.Sprint("text ", s.User) }

func emoji(s GroupStep) string { return faces(3)[s.Role-1] }

func (m *groupModel) send(sender ids.UserID, text string) *said {
	one := m.say(sender, false)
	one.text, one.reacted = text, map[string]map[ids.UserID]bool{}
	one.kind = message.Text
	m.read[sender], m.shown[sender] = int64(len(m.log)), int64(len(m.log))
	return one
}

// at is a message, nil where there is none.
func (m *groupModel) at(seq int64) *said {
	if seq < 1 || seq > int64(len(m.log)) {
		return nil
	}
	return m.log[seq-1]
}

func (m *groupModel) sees(user ids.UserID, seq int64) bool {
	one := m.at(seq)
	return one != nil && one.seen[user]
}

func (m *groupModel) mayAnswer(actor ids.UserID, seq int64) error {
	err := m.mayAct(actor, message.RoleMember)
	if err == nil && seq > 0 && !m.sees(actor, seq) {
		return message.ErrNotFound
	}
	return err
}

func (m *groupModel) mayForward(actor ids.UserID, seq int64) error {
	err := m.mayAct(actor, message.RoleMember)
	switch {
	case err != nil:
		return err
	case !m.sees(actor, seq):
		return message.ErrNotFound
	case m.at(seq).system || m.at(seq).recalled:
		return message.ErrForbidden
	}
	return nil
}

func (m *groupModel) mayHide(actor ids.UserID, seq int64) error {
	if !m.sees(actor, seq) {
		return message.ErrNotFound
	}
	return nil
}

func (m *groupModel) hide(user ids.UserID, seq int64, head message.Head) {
	if m.hidden[user] == nil {
		m.hidden[user] = map[int64]bool{}
	}
	m.hidden[user][seq] = true
	if head.Unread != m.unread(user) || head.HiddenRev != int64(len(m.hidden[user])) {
		m.t.Fatalf("hidden %d: %+v, want %d unread", seq, head, m.unread(user))
	}
}

// verdict is what the rules say of a change: what it does to the message, nil for nothing.
type verdict struct {
	refusal error
	change  func(one *said)
}

// changing are the rules that all changes share.
func (m *groupModel) changing(s GroupStep, rule func(one *said) verdict) verdict {
	actor := m.users[s.Actor]
	if m.roles[actor] == message.NoRole || !m.sees(actor, s.Seq) {
		return verdict{refusal: message.ErrNotFound}
	}
	v := rule(m.at(s.Seq))
	if v.change != nil && m.dissolved {
		return verdict{refusal: message.ErrReadOnly}
	}
	return v
}

func (m *groupModel) mayEdit(s GroupStep) verdict {
	return m.changing(s, func(one *said) verdict {
		switch {
		case one.sender != m.users[s.Actor]:
			return verdict{refusal: message.ErrForbidden}
		case one.recalled:
			return verdict{refusal: message.ErrRecalled}
		case one.system, one.forward > 0, one.kind != message.Text:
			return verdict{refusal: message.ErrForbidden}
		case one.text == newText(s):
			return verdict{}
		}
		return verdict{change: func(one *said) { one.text, one.edits = newText(s), one.edits+1 }}
	})
}

func (m *groupModel) mayRecall(s GroupStep) verdict {
	actor := m.users[s.Actor]
	v := m.changing(s, func(one *said) verdict {
		switch {
		case one.sender != actor && m.roles[actor] < message.RoleAdmin:
			return verdict{refusal: message.ErrForbidden}
		case one.recalled:
			return verdict{}
		case one.system:
			return verdict{refusal: message.ErrForbidden}
		}
		return verdict{change: func(one *said) {
			one.recalled, one.text, one.edits, one.reply, one.forward, one.reacted = true, "", 0, 0, 0, nil
			one.shownFile = shownFile{}
		}}
	})
	if v.change != nil && m.roles[actor] < message.RoleAdmin &&
		m.service.Clock.Now().UnixMilli()-m.at(s.Seq).at > message.DefaultRecallWindow.Milliseconds() {
		return verdict{refusal: message.ErrTooLate}
	}
	return v
}

func (m *groupModel) mayReact(s GroupStep) verdict {
	actor, remove := m.users[s.Actor], s.Kind == 12
	return m.changing(s, func(one *said) verdict {
		switch {
		case one.recalled:
			return verdict{refusal: message.ErrRecalled}
		case one.system:
			return verdict{refusal: message.ErrForbidden}
		case one.reacted[emoji(s)][actor] != remove:
			return verdict{}
		}
		return verdict{change: func(one *said) {
			if one.reacted[emoji(s)] == nil {
				one.reacted[emoji(s)] = map[ids.UserID]bool{}
			}
			if one.reacted[emoji(s)][actor] = true; remove {
				delete(one.reacted[emoji(s)], actor)
			}
		}}
	})
}

func (m *groupModel) expectChange(s GroupStep, got error, want verdict) {
	m.expect(s, got, want.refusal, func() {
		if want.change != nil {
			m.changes++
			m.at(s.Seq).rev = m.changes
			want.change(m.at(s.Seq))
		}
	})
}

// comparePage holds the whole history of a user to what the model says.
func (m *groupModel) comparePage(user ids.UserID, seen []int64, page message.History) {
	m.t.Helper()
	shown := slices.DeleteFunc(slices.Clone(seen), func(seq int64) bool { return m.hidden[user][seq] })
	if !slices.Equal(shown, seqs(page.Items)) {
		m.t.Fatalf("history %v, want %v", seqs(page.Items), shown)
	}
	for _, got := range page.Items {
		one := m.at(got.Seq)
		if got.Rev != one.rev || got.Sender != one.sender || (got.Kind == message.RecalledBody) != one.recalled ||
			!one.system && got.Text != one.text || got.Edits != one.edits || !one.equals(got) {
			m.t.Fatalf("message %d: %+v, want %+v", got.Seq, got, one)
		}
		if diff := cmp.Diff(m.quoted(user, one.reply), got.ReplyTo); diff != "" {
			m.t.Fatalf("what message %d answers (-model +got):\n%s", got.Seq, diff)
		}
		if copied := one.forward > 0; copied != (got.Forward != message.Forward{}) ||
			copied && got.Forward.Hidden == m.sees(user, one.forward) {
			m.t.Fatalf("message %d of %d: %+v", got.Seq, one.forward, got.Forward)
		}
		given := map[string]int32{}
		for face, users := range one.reacted {
			if len(users) > 0 {
				given[face] = int32(len(users))
			}
		}
		if !maps.Equal(given, counted(got)) {
			m.t.Fatalf("reactions of message %d: %v, want %v", got.Seq, counted(got), given)
		}
	}
}

// quoted is what a reader sees of a message that is answered: nothing, if it is hidden or was never seen.
func (m *groupModel) quoted(reader ids.UserID, seq int64) message.Reply {
	if seq == 0 || !m.sees(reader, seq) || m.hidden[reader][seq] {
		return message.Reply{Seq: seq}
	}
	of := m.at(seq)
	return message.Reply{
		Seq: seq, Sender: of.sender, Kind: of.kind, Preview: of.text + of.line(), Recalled: of.recalled, Edited: of.edits > 0,
	}
}

// compareLast: the last message is the last of the newest interval that is not hidden.
func (m *groupModel) compareLast(user ids.UserID, view message.View) {
	m.t.Helper()
	last := int64(0)
	for _, seq := range m.seen(user) {
		if seq >= int64(m.begin[user]) && !m.hidden[user][seq] {
			last = seq
		}
	}
	got := int64(0)
	if view.Last != nil {
		got = view.Last.Seq
	}
	if got != last {
		m.t.Fatalf("last message %d, want %d", got, last)
	}
}

// compareChange: nobody hears of a change who may not see the message, and of a hide only who hides.
func (m *groupModel) compareChange(t testing.TB, e message.Event) {
	m.t.Helper()
	if e.Kind == message.MessageHidden {
		if !slices.Equal(e.Recipients, []ids.UserID{e.Marker.User}) || e.MembersRev != 0 {
			m.t.Fatalf("a hide is told to %v and version %d", e.Recipients, e.MembersRev)
		}
		return
	}
	audience, err := m.service.MembersAt(t.Context(), message.AudienceQuery{
		Conversation: m.id, MembersRev: e.MembersRev, Seq: e.Message.Seq,
	})
	if err != nil {
		m.t.Fatalf("audience: %v", err)
	}
	for _, user := range slices.Concat(audience.Users, e.Recipients) {
		if !m.sees(user, e.Message.Seq) {
			m.t.Fatalf("a change of message %d is told to who may not see it", e.Message.Seq)
		}
	}
}

// compareChanges: ListChanges tells a member each visible message that changed, once, up to the head.
func (m *groupModel) compareChanges(t testing.TB, user ids.UserID) {
	m.t.Helper()
	items, upTo, err := m.service.ListChanges(t.Context(), message.ChangesQuery{User: user, Conversation: m.id, Limit: message.MaxPageItems})
	if !m.was[user] {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("a stranger lists changes: %v", err)
		}
		return
	}
	var want []int64
	for _, seq := range m.seen(user) {
		if m.at(seq).rev > 0 && !m.hidden[user][seq] {
			want = append(want, m.at(seq).rev)
		}
	}
	slices.Sort(want)
	var got []int64
	for _, one := range items {
		got = append(got, one.Rev)
	}
	if !slices.Equal(want, got) || err != nil || upTo != m.changes {
		m.t.Fatalf("changes %v up to %d, want %v up to %d, %v", got, upTo, want, m.changes, err)
	}
}
