// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/lxzan/gws"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

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

func (p *pipes) Close() error { close(p.closed); return nil }

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
