// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lxzan/gws"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// Waiting for a session to open; a client gives up then too.
const openTimeout = 10 * time.Second

// authFrameID is the id of the first frame; sends are numbered from 1 below it.
const authFrameID = 1 << 40

// receiver hears what a session gets. Calls of one session come one at a time.
type receiver interface {
	sent(id int64)
	refused(id int64, reason string)
	arrived(m *messagev1.Message)
	resync()
}

// session is one light connection: no cache, no repair, no retry.
type session struct {
	gws.BuiltinEventHandler
	conn    *gws.Conn
	to      receiver
	welcome chan error
	open    atomic.Bool
	closed  chan struct{}
	userID  string
}

var sourceNumber atomic.Int64

// sourceAddress spreads connections over the addresses of loopback: a gateway bounds those of one address.
func sourceAddress() *net.TCPAddr {
	n := sourceNumber.Add(1)
	return &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n/200%200), byte(1+n%200))}
}

// openSession opens and authenticates a session at a gateway.
func openSession(ctx context.Context, base string, p person, to receiver) (*session, error) {
	s := &session{to: to, welcome: make(chan error, 1), closed: make(chan struct{}), userID: p.id}
	conn, _, err := gws.NewClient(s, &gws.ClientOption{ //nolint:bodyclose // an upgraded connection has no body
		Addr:             "ws" + strings.TrimPrefix(base, "http") + "/v1/ws",
		RequestHeader:    http.Header{"Sec-WebSocket-Protocol": {"parley.v1.proto"}},
		HandshakeTimeout: openTimeout,
		NewDialer: func() (gws.Dialer, error) {
			return &net.Dialer{Timeout: openTimeout, LocalAddr: sourceAddress()}, nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	s.conn = conn
	go conn.ReadLoop() // ends when the connection is closed
	if err := s.authenticate(ctx, p); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) authenticate(ctx context.Context, p person) error {
	err := s.write(&gatewayv1.ClientFrame{Id: authFrameID, Kind: &gatewayv1.ClientFrame_Auth{Auth: &gatewayv1.Auth{
		Token: p.token, Protocol: 1,
		Device: &gatewayv1.Auth_Instance{DeviceId: p.device, InstanceId: uuid.NewString(), Platform: gatewayv1.Platform_PLATFORM_NATIVE},
	}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	select {
	case err := <-s.welcome:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no welcome: %w", ctx.Err())
	}
}

func (s *session) write(f *gatewayv1.ClientFrame) error {
	b, err := proto.Marshal(f)
	if err != nil {
		return err
	}
	return s.conn.WriteMessage(gws.OpcodeBinary, b)
}

// ack tells the gateway what this session has stored, as a client does.
func (s *session) ack(conversation string, seq int64) error {
	return s.write(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Ack{Ack: &gatewayv1.Ack{
		Positions: []*gatewayv1.Ack_Position{{ConversationId: conversation, Seq: seq}},
	}}})
}

func (s *session) close() {
	s.conn.WriteClose(1000, nil)
	<-s.closed
}

// OnClose hears the end of the connection.
func (s *session) OnClose(_ *gws.Conn, err error) {
	if !s.open.Load() {
		s.welcome <- errors.Join(errors.New("closed before welcome"), err)
	}
	close(s.closed)
}

// OnPing answers the gateway's life sign.
func (s *session) OnPing(socket *gws.Conn, payload []byte) { _ = socket.WritePong(payload) } // a dead socket is closed by its reader

// OnMessage reads one frame.
func (s *session) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	var f gatewayv1.ServerFrame
	if err := proto.Unmarshal(message.Bytes(), &f); err != nil {
		return // the count of deliveries will lack it
	}
	switch kind := f.GetKind().(type) {
	case *gatewayv1.ServerFrame_Welcome:
		s.open.Store(true)
		s.welcome <- nil
	case *gatewayv1.ServerFrame_Sent:
		s.to.sent(f.GetRe())
	case *gatewayv1.ServerFrame_Error:
		s.to.refused(f.GetRe(), kind.Error.GetReason())
	case *gatewayv1.ServerFrame_Messages:
		for _, m := range kind.Messages.GetItems() {
			if m.GetSenderId() != s.userID {
				s.to.arrived(m)
			}
		}
	case *gatewayv1.ServerFrame_Resync:
		s.to.resync()
	}
}
