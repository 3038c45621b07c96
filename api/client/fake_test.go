// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"connectrpc.com/connect"
	"github.com/lxzan/gws"
	"google.golang.org/protobuf/encoding/protojson"
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

// peer is one connection of the client.
type peer struct {
	gws.BuiltinEventHandler

	f      *fake
	conn   *gws.Conn
	binary bool
	n      int
	live   bool
	closed chan struct{}
	out    chan func() // what is written; a bubble cannot wait for a lock that a writer holds
	code   uint16      // the client's close code
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

func (f *fake) upgrade(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.dials++
	n := f.dials
	f.paths = append(f.paths, r.URL.Path)
	f.mu.Unlock()
	if refuse := get(f, &f.onUpgrade); refuse != nil {
		if status, after := refuse(n); status != 0 {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(status)
			return
		}
	}
	p := &peer{f: f, n: n, closed: make(chan struct{}), out: make(chan func(), 10000), binary: strings.Contains(r.Header.Get("Sec-WebSocket-Protocol"), "proto")}
	conn, err := gws.NewUpgrader(p, &gws.ServerOption{SubProtocols: []string{"parley.v1.proto", "parley.v1.json"}}).Upgrade(w, r)
	if err != nil {
		return
	}
	p.conn = conn
	f.mu.Lock()
	f.peers = append(f.peers, p)
	f.mu.Unlock()
	go conn.ReadLoop()
	go func() {
		for {
			select {
			case write := <-p.out:
				write()
			case <-p.closed:
				return
			}
		}
	}()
}

// OnPing is answered as a browser does.
func (p *peer) OnPing(c *gws.Conn, b []byte) { _ = c.WritePong(b) }

// OnClose notes the code.
func (p *peer) OnClose(_ *gws.Conn, err error) {
	if e, ok := errors.AsType[*gws.CloseError](err); ok {
		p.f.mu.Lock()
		p.code = e.Code
		p.f.mu.Unlock()
	}
	close(p.closed)
}

// OnMessage runs hook and default.
func (p *peer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	frame := &gatewayv1.ClientFrame{}
	var err error
	if p.binary {
		err = proto.Unmarshal(m.Bytes(), frame)
	} else {
		err = protojson.Unmarshal(m.Bytes(), frame)
	}
	if err != nil {
		p.close(4400, "BAD_FRAME")
		return
	}
	p.f.mu.Lock()
	p.f.frames = append(p.f.frames, frame)
	p.f.mu.Unlock()
	if handle := get(p.f, &p.f.onFrame); handle == nil || !handle(p, frame) {
		p.answer(frame)
	}
}

// answer is what a healthy server does.
func (p *peer) answer(frame *gatewayv1.ClientFrame) {
	re := frame.GetId()
	switch kind := frame.GetKind().(type) {
	case *gatewayv1.ClientFrame_Auth:
		p.welcome(re, 32)
	case *gatewayv1.ClientFrame_Resume:
		p.f.mu.Lock()
		answer := p.f.moved(kind.Resume.GetCursor())
		p.live = true
		p.f.mu.Unlock()
		p.write(&gatewayv1.ServerFrame{Re: re, Kind: &gatewayv1.ServerFrame_Resumed{Resumed: answer}})
	case *gatewayv1.ClientFrame_Send:
		if p.f.reused(kind.Send) {
			refuse(p, frame, &gatewayv1.Error{Reason: "CLIENT_MESSAGE_ID_REUSED", Retry: gatewayv1.Retry_RETRY_NEVER})
			return
		}
		p.write(&gatewayv1.ServerFrame{Re: re, Kind: &gatewayv1.ServerFrame_Sent{Sent: p.f.commit(kind.Send)}})
	case *gatewayv1.ClientFrame_Ping:
		p.pong(re, kind.Ping.GetCursor())
	}
}

func (p *peer) welcome(re int64, inFlight int32) {
	p.write(&gatewayv1.ServerFrame{Re: re, Kind: &gatewayv1.ServerFrame_Welcome{Welcome: &gatewayv1.Welcome{
		SessionId: strconv.Itoa(p.n), Epoch: int64(100 + p.n), UserId: me, PingMs: 25000,
		Limits: &gatewayv1.Limits{FrameBytes: 65536, SendsInFlight: inFlight},
	}}})
}

func (p *peer) pong(re int64, cursor string) {
	p.f.mu.Lock()
	s := &messagev1.SyncResponse{Complete: true, Cursor: cursor}
	if cursor != "" {
		s = p.f.moved(cursor)
	}
	p.f.mu.Unlock()
	p.write(&gatewayv1.ServerFrame{Re: re, Kind: &gatewayv1.ServerFrame_Pong{Pong: &gatewayv1.Pong{
		Complete: s.GetComplete(), Heads: s.GetHeads(), Cursor: s.GetCursor(),
	}}})
}

func (p *peer) write(frame *gatewayv1.ServerFrame) {
	var data []byte
	var err error
	opcode := gws.OpcodeBinary
	if p.binary {
		data, err = proto.Marshal(frame)
	} else {
		opcode = gws.OpcodeText
		data, err = protojson.Marshal(frame)
	}
	if err == nil {
		p.raw(opcode, data)
	}
}

func (p *peer) raw(opcode gws.Opcode, data []byte) {
	p.out <- func() { _ = p.conn.WriteMessage(opcode, data) }
}

func (p *peer) close(code uint16, reason string) {
	p.out <- func() { _ = p.conn.WriteClose(code, []byte(reason)) }
}

// messages pushes messages to one connection.
func (p *peer) messages(id string, items ...*messagev1.Message) {
	p.write(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Messages{Messages: &gatewayv1.Messages{
		ConversationId: id, Items: items,
	}}})
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

// pipes is a listener in memory, whose connections a synctest bubble can wait for.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.accept <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
