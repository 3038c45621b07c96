// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"

	"github.com/lxzan/gws"

	"github.com/parley-chat/parley/services/gateway"
)

// contextKey of a connection's context in its storage.
const contextKey = "context"

// events are what the library tells about a connection, on its reader goroutine.
type events struct{ handler *Handler }

// OnOpen does nothing: the session exists before the first read.
func (events) OnOpen(*gws.Conn) {}

// OnClose notes how the connection ended.
func (events) OnClose(c *gws.Conn, err error) {
	var closed *gws.CloseError
	l, ok := c.NetConn().(*link)
	if ok && errors.As(err, &closed) {
		l.code.CompareAndSwap(0, uint32(closed.Code))
	}
}

// OnPing answers, and counts as a life sign.
func (events) OnPing(c *gws.Conn, payload []byte) {
	if l, ok := c.NetConn().(*link); ok {
		l.session.Alive()
		l.control(opPong, payload)
	}
}

// OnPong counts as a life sign.
func (events) OnPong(c *gws.Conn, _ []byte) {
	if l, ok := c.NetConn().(*link); ok {
		l.session.Alive()
	}
}

// OnMessage hands a message to the session.
func (events) OnMessage(c *gws.Conn, message *gws.Message) {
	defer func() { _ = message.Close() }()
	l, ok := c.NetConn().(*link)
	if !ok {
		return
	}
	if byte(message.Opcode)|0x80 != l.opcode {
		l.session.Reject(gateway.CloseBadFrame)
		return
	}
	value, _ := c.Session().Load(contextKey)
	ctx, ok := value.(context.Context)
	if !ok {
		l.session.Reject(gateway.CloseInternal)
		return
	}
	l.session.Receive(ctx, message.Bytes())
}

// quiet drops the library's lines: they hold text of clients.
type quiet struct{}

// Error drops a line.
func (quiet) Error(...any) {}
