// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"fmt"
	"net/http"
	"sync"

	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
)

const me = "user-amy"

// room is a conversation of the fake server.
type room struct {
	messages []*messagev1.Message // seq is the place + 1; nil where the user may not look
	changes  []*messagev1.Message // by rev
	hidden   []int64              // in the order of hiding
	moved    int                  // version of the last move
}

// fake is a server with one user, over real WebSockets and RPCs. Tests change what it does through the
// hooks, which run before the default.
type fake struct {
	messagev1connect.UnimplementedMessageServiceHandler
	messagev1connect.UnimplementedConversationServiceHandler
	gatewayv1connect.UnimplementedSessionServiceHandler

	// Set these with set once the server runs.
	// onFrame may handle a frame: true leaves the default out.
	onFrame func(p *peer, f *gatewayv1.ClientFrame) bool
	// onUpgrade may refuse a connection with a status and Retry-After.
	onUpgrade func(n int) (status int, retryAfter string)
	onResolve func() (*gatewayv1.ResolveResponse, error)
	onCall    func(name string, n int) error // may refuse the n-th RPC of a name
	silent    bool                           // new messages are not pushed
	limit     int                            // most heads in one answer, 0: all

	files *shelf

	mu        sync.Mutex // guards what follows
	version   int
	rooms     map[string]*room
	order     []string // rooms, newest activity last
	stored    map[string]*messagev1.Sent
	texts     map[string]string // by client message id
	peers     []*peer
	dials     int
	frames    []*gatewayv1.ClientFrame
	calls     []string // RPCs
	askedLeft []bool   // of the lists of conversations
	paths     []string
}

// set changes what the server does, while it runs.
func set[T any](f *fake, field *T, value T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*field = value
}

// get reads what a test may change.
func get[T any](f *fake, field *T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *field
}

func newFake() *fake {
	return &fake{files: newShelf(), rooms: map[string]*room{}, stored: map[string]*messagev1.Sent{}, texts: map[string]string{}}
}

func (f *fake) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(messagev1connect.NewMessageServiceHandler(f))
	mux.Handle(messagev1connect.NewConversationServiceHandler(f))
	mux.Handle(gatewayv1connect.NewSessionServiceHandler(f))
	f.files.mount(mux)
	mux.HandleFunc("GET /v1/ws", f.upgrade)
	mux.HandleFunc("GET /v1/ws/{seat}", f.upgrade)
	return mux
}

func (f *fake) room(id string) *room {
	if f.rooms[id] == nil {
		f.rooms[id] = &room{}
		f.order = append(f.order, id)
	}
	return f.rooms[id]
}

// touch notes that a room moved; the lock is held.
func (f *fake) touch(id string) {
	f.version++
	f.rooms[id].moved = f.version
	for i, other := range f.order {
		if other == id {
			f.order = append(append(f.order[:i:i], f.order[i+1:]...), id)
			break
		}
	}
}

// commit stores a message once per client message id and pushes it.
func (f *fake) commit(send *messagev1.SendRequest) *messagev1.Sent {
	f.mu.Lock()
	if sent := f.stored[send.GetClientMessageId()]; sent != nil {
		defer f.mu.Unlock()
		return sent
	}
	m := f.append(send.GetConversationId(), me, send.GetContent().GetText().GetBody())
	m.ClientMessageId = send.GetClientMessageId()
	if file := send.GetContent().GetFile().GetFileId(); file != "" {
		m.Content = &messagev1.Message_File{File: &messagev1.Attachment{File: &messagev1.FileInfo{FileId: file, Name: "报告.pdf"}}}
	}
	sent := &messagev1.Sent{
		ClientMessageId: m.GetClientMessageId(), ConversationId: m.GetConversationId(), MessageId: m.GetMessageId(), Seq: m.GetSeq(),
	}
	f.stored[send.GetClientMessageId()] = sent
	f.texts[send.GetClientMessageId()] = m.GetText().GetBody()
	f.mu.Unlock()
	f.push(m)
	return sent
}

// reused tells whether another message was stored under the id of this one.
func (f *fake) reused(send *messagev1.SendRequest) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, known := f.texts[send.GetClientMessageId()]
	return known && text != send.GetContent().GetText().GetBody()
}

// append stores a message; the lock is held.
func (f *fake) append(id, sender, body string) *messagev1.Message {
	r := f.room(id)
	m := &messagev1.Message{
		ConversationId: id, Seq: int64(len(r.messages) + 1), SenderId: sender, MessageId: fmt.Sprintf("%s/%d", id, len(r.messages)+1),
		Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: body}},
	}
	r.messages = append(r.messages, m)
	f.touch(id)
	return m
}

// say lets somebody else write n messages, and pushes them unless the server is silent.
func (f *fake) say(id string, n int) []*messagev1.Message {
	var items []*messagev1.Message
	for range n {
		f.mu.Lock()
		m := f.append(id, "user-ben", "hi")
		f.mu.Unlock()
		items = append(items, m)
		f.push(m)
	}
	return items
}

// hide makes the range of messages one that the user may not have.
func (f *fake) hide(id string, from, to int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for seq := from; seq <= to; seq++ {
		f.rooms[id].messages[seq-1] = nil
	}
}

// change edits a message without telling, and answers what would tell it.
func (f *fake) change(id string, seq int64, body string) *gatewayv1.ServerFrame {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rooms[id]
	m := proto.CloneOf(r.messages[seq-1])
	m.Rev = int64(len(r.changes) + 1)
	m.Content = &messagev1.Message_Text{Text: &messagev1.Text{Body: body}}
	r.messages[seq-1] = m
	r.changes = append(r.changes, m)
	f.touch(id)
	return &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Change{Change: &gatewayv1.Change{
		ConversationId: id, Rev: m.GetRev(), Kind: gatewayv1.ChangeKind_CHANGE_KIND_EDITED, Message: m,
	}}}
}

func (f *fake) push(m *messagev1.Message) {
	f.mu.Lock()
	var live []*peer
	for _, p := range f.peers {
		if p.live && !f.silent {
			live = append(live, p)
		}
	}
	f.mu.Unlock()
	for _, p := range live {
		p.messages(m.GetConversationId(), m)
	}
}

// last is the newest connection.
func (f *fake) last() *peer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peers[len(f.peers)-1]
}

// dialed counts the connections that the client has tried.
func (f *fake) dialed() int { return get(f, &f.dials) }

// count of RPCs of a name.
func (f *fake) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == name {
			n++
		}
	}
	return n
}

// sends lists the client message ids of all send frames.
func (f *fake) sends() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, frame := range f.frames {
		if s := frame.GetSend(); s != nil {
			out = append(out, s.GetClientMessageId())
		}
	}
	return out
}

// got lists the frames of a kind.
func got[K any](f *fake, pick func(*gatewayv1.ClientFrame) K, is func(K) bool) []K {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []K
	for _, frame := range f.frames {
		if k := pick(frame); is(k) {
			out = append(out, k)
		}
	}
	return out
}
