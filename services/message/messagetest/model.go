// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/message"
)

// Step is one thing that happens in a random history. Its numbers pick from small pools, so that
// retries, reuse and closed conversations are frequent.
type Step struct {
	Kind    int // send, one draft by many at once, relate, mark, edit, recall, wait, synchronise a device
	Pair    int
	Sender  int
	Client  int
	Text    int
	Version int64
	Open    bool
	Seq     int64
	Reply   int64
}

const (
	stepSend = iota
	stepCrowd
	stepRelate
	stepMark
	stepEdit
	stepRecall
	stepWait
	stepSync
	stepKinds
)

const (
	modelUsers   = 4 // the last one is nobody's friend
	modelClients = 5
	modelTexts   = 4 // some mention people
	crowd        = 4
)

// Steps generates random histories.
func Steps() *rapid.Generator[[]Step] {
	one := rapid.Custom(func(t *rapid.T) Step {
		return Step{
			Kind: rapid.IntRange(0, stepKinds-1).Draw(t, "kind"), Pair: rapid.IntRange(0, 2).Draw(t, "pair"),
			Sender: rapid.IntRange(0, modelUsers-1).Draw(t, "sender"), Client: rapid.IntRange(0, modelClients-1).Draw(t, "client"),
			Text: rapid.IntRange(0, modelTexts-1).Draw(t, "text"), Version: rapid.Int64Range(1, 12).Draw(t, "version"),
			Open: rapid.IntRange(0, 3).Draw(t, "open") > 0, Seq: rapid.Int64Range(0, 12).Draw(t, "seq"),
			Reply: max(0, rapid.Int64Range(-6, 6).Draw(t, "reply")),
		}
	})
	return rapid.SliceOfN(one, 5, 60)
}

// model is what a store should do, in the simplest words.
type model struct {
	t       fataler
	service *Fixture
	users   []ids.UserID
	clients []ids.ClientMessageID
	talks   []*talk
	stored  map[message.ClientKey]message.Sent
	texts   map[message.ClientKey]string
	replies map[message.ClientKey]int64
}

type talk struct {
	pair    message.Pair
	id      ids.ConversationID
	version int64
	opened  bool // ever
	open    bool
	// membersRev counts what members saw: the first opening and each change of the state since.
	membersRev int64
	log        []message.ClientKey
	read       map[ids.UserID]int64
	shown      map[ids.UserID]int64 // what others see of read
	// now is what each message of the log says, and changes how many there were.
	now     []message.Message
	changes int64
	called  []map[ids.UserID]bool // for whom the mentions of each message count
	devices map[ids.UserID]*device
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Replay runs a history against a service and fails where it does not do what the model says.
func Replay(t testing.TB, failure fataler, service *Fixture, steps []Step) {
	t.Helper()
	m := &model{
		t: failure, service: service, stored: map[message.ClientKey]message.Sent{}, texts: map[message.ClientKey]string{},
		replies: map[message.ClientKey]int64{},
	}
	for range modelUsers {
		m.users = append(m.users, ids.NewUser())
	}
	for range modelClients {
		m.clients = append(m.clients, ids.NewClientMessage())
	}
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
		m.talks = append(m.talks, &talk{
			pair: NewPair(t, m.users[pair[0]], m.users[pair[1]]), id: ids.NewConversation(),
			read: map[ids.UserID]int64{}, shown: map[ids.UserID]int64{}, devices: map[ids.UserID]*device{},
		})
	}
	for _, step := range steps {
		m.run(t, step)
	}
	for _, k := range m.talks {
		m.compare(t, k)
	}
}

func (m *model) run(t testing.TB, s Step) {
	k := m.talks[s.Pair]
	d := message.Draft{
		Sender: m.users[s.Sender], Conversation: k.id, ClientID: m.clients[s.Client], Text: m.text(s), ReplyTo: s.Reply,
	}
	switch s.Kind {
	case stepSend:
		m.expect(k, d, m.service.SendBatch(t.Context(), []message.Draft{d})[0])
	case stepCrowd:
		for _, r := range m.crowd(t, d) {
			m.expect(k, d, r)
		}
	case stepRelate:
		m.relate(t, k, s.Version, s.Open)
	case stepMark:
		m.mark(t, k, message.Marker{User: d.Sender, Seq: s.Seq}, !s.Open)
	case stepEdit, stepRecall:
		m.change(t, k, s)
	case stepWait:
		m.service.Clock.Add(message.DefaultRecallWindow / 3)
	case stepSync:
		m.sync(t, k, d.Sender)
	}
}

// crowd sends one draft many times at once.
func (m *model) crowd(t testing.TB, d message.Draft) []message.Result {
	var (
		wg      sync.WaitGroup
		results = make([]message.Result, crowd)
	)
	for i := range results {
		wg.Go(func() { results[i].Sent, results[i].Err = m.service.Send(t.Context(), d) })
	}
	wg.Wait()
	return results
}

func (m *model) expect(k *talk, d message.Draft, got message.Result) {
	m.t.Helper()
	first, known := m.stored[d.Key()]
	member := k.opened && (d.Sender == k.pair.Low || d.Sender == k.pair.High)
	var want error
	switch {
	case known && (first.Conversation != d.Conversation || m.texts[d.Key()] != d.Text || m.replies[d.Key()] != d.ReplyTo):
		want = message.ErrReused
	case known:
	case !member:
		want = message.ErrNotFound
	case !k.open:
		want = message.ErrReadOnly
	case d.ReplyTo > int64(len(k.log)):
		want = message.ErrNotFound
	}
	if !errors.Is(got.Err, want) {
		m.t.Fatalf("send %+v: %v, want %v", d, got.Err, want)
	}
	if want != nil {
		return
	}
	if !known {
		k.log = append(k.log, d.Key())
		k.read[d.Sender], k.shown[d.Sender] = int64(len(k.log)), int64(len(k.log))
		first = message.Sent{Conversation: k.id, ClientID: d.ClientID, ID: got.Sent.ID, Seq: int64(len(k.log)), SentAt: got.Sent.SentAt}
		m.stored[d.Key()], m.texts[d.Key()], m.replies[d.Key()] = first, d.Text, d.ReplyTo
		named := m.named(k, d.Text)
		k.called = append(k.called, map[ids.UserID]bool{})
		for _, user := range named {
			k.called[len(k.called)-1][user] = user != d.Sender
		}
		k.now = append(k.now, message.Message{
			Conversation: k.id, Seq: first.Seq, ID: first.ID, ClientID: d.ClientID, Sender: d.Sender, SentAt: first.SentAt,
			Kind: message.Text, Text: d.Text, ReplyTo: message.Reply{Seq: d.ReplyTo},
			Mentions: message.Mentions{Users: message.UsersOf(named)},
		})
	}
	if got.Sent != first {
		m.t.Fatalf("send %+v: answered %+v, want %+v", d, got.Sent, first)
	}
}

func (m *model) relate(t testing.TB, k *talk, version int64, open bool) {
	m.t.Helper()
	if open {
		id, err := m.service.OpenDirect(t.Context(), k.pair, version)
		if err != nil || k.version > 0 && id != k.id {
			m.t.Fatalf("open: %s, %v, want %s", id, err, k.id)
		}
		k.id = id
	} else if err := m.service.CloseDirect(t.Context(), k.pair, version); err != nil {
		m.t.Fatalf("close: %v", err)
	} else if k.version == 0 { // only an open tells the id; one that is too old changes nothing
		if k.id, err = m.service.OpenDirect(t.Context(), k.pair, version); err != nil {
			m.t.Fatalf("ask for the id: %v", err)
		}
	}
	if version > k.version {
		if open != k.open && (open || k.opened) { // a state that nobody saw is no change
			k.membersRev++
		}
		k.version, k.open, k.opened = version, open, k.opened || open
	}
}

func (m *model) mark(t testing.TB, k *talk, marker message.Marker, hidden bool) {
	m.t.Helper()
	marker.Conversation = k.id
	user, seq := marker.User, marker.Seq
	head, err := m.service.MarkRead(t.Context(), marker, hidden)
	if !k.opened || user != k.pair.Low && user != k.pair.High {
		if !errors.Is(err, message.ErrNotFound) {
			m.t.Fatalf("mark by a stranger: %v", err)
		}
		return
	}
	k.read[user] = max(k.read[user], min(seq, int64(len(k.log))))
	if !hidden {
		k.shown[user] = max(k.shown[user], min(seq, int64(len(k.log))))
	}
	if want := m.head(k, user); err != nil || head != want {
		m.t.Fatalf("mark %d: %+v, %v, want %+v", seq, head, err, want)
	}
}

// head counts what is unread message by message.
func (m *model) head(k *talk, user ids.UserID) message.Head {
	h := message.Head{
		Conversation: k.id, Seq: int64(len(k.log)), Rev: k.changes, MembersRev: k.membersRev, ReadSeq: k.read[user],
	}
	for i, key := range k.log {
		if int64(i+1) > k.read[user] && key.Sender != user && k.now[i].Kind != message.RecalledBody {
			h.Unread++
		}
		if int64(i+1) > k.read[user] && k.called[i][user] {
			h.Mentions++
		}
	}
	return h
}

func (m *model) compare(t testing.TB, k *talk) {
	m.t.Helper()
	if !k.opened {
		return
	}
	for _, user := range []ids.UserID{k.pair.Low, k.pair.High} {
		page, err := m.service.ListMessages(t.Context(), message.HistoryQuery{User: user, Conversation: k.id, Limit: message.MaxPageItems})
		if err != nil || len(page.Gaps) > 0 {
			m.t.Fatalf("history: %v, gaps %v", err, page.Gaps)
		}
		if diff := cmp.Diff(m.shown(k), page.Items); diff != "" {
			m.t.Fatalf("history (-model +got):\n%s", diff)
		}
		m.sync(t, k, user)
		if diff := cmp.Diff(k.now, k.devices[user].messages); diff != "" {
			m.t.Fatalf("device (-history +device):\n%s", diff)
		}
		if diff := cmp.Diff(m.head(k, user), page.Head); diff != "" {
			m.t.Fatalf("head (-model +got):\n%s", diff)
		}
		m.compareMarkers(t, k, user)
	}
}

// compareMarkers holds the own marker to what was read, and that of the other to what was shown.
func (m *model) compareMarkers(t testing.TB, k *talk, user ids.UserID) {
	m.t.Helper()
	view, err := m.service.Conversation(t.Context(), user, k.id)
	if err != nil {
		m.t.Fatalf("conversation: %v", err)
	}
	for _, member := range view.Conversation.Members {
		want := k.shown[member.UserID]
		if member.UserID == user {
			want = k.read[user]
		}
		if member.ReadSeq != want {
			m.t.Fatalf("a marker at %d, want %d", member.ReadSeq, want)
		}
	}
}
