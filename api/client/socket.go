// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lxzan/gws"
)

const (
	// maxServerFrame is what a server may send at most (256 KiB), doubled for JSON.
	maxServerFrame = 512 << 10
	// writeQueue bounds the frames that wait for a slow socket; then it is closed.
	writeQueue = 256
	writeWait  = 10 * time.Second
	closeWait  = time.Second
)

// dialError is a refusal before there was a socket.
type dialError struct {
	pace pace // what Retry-After asks for
	err  error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// socket is one WebSocket. Its methods may be called from any goroutine.
type socket struct {
	conn   *gws.Conn
	binary bool
	writes chan []byte
	ended  chan struct{} // closed when reading has ended
	frame  func([]byte)
	closed func(code int, reason string)
}

// dialer opens sockets.
type dialer struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	tls    *tls.Config
	format Format
}

// open connects; the address is an http or https one. Cancelling ctx gives up; it does not touch a
// socket that is open.
func (d dialer) open(ctx context.Context, address string) (*socket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx, u)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	s := &socket{
		binary: d.format == Binary, writes: make(chan []byte, writeQueue), ended: make(chan struct{}),
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	//nolint:bodyclose // the answer to an upgrade has no body
	ws, answer, err := gws.NewClientFromConn(handler{s}, &gws.ClientOption{
		Addr: u.String(), HandshakeTimeout: noProgress, ReadMaxPayloadSize: maxServerFrame, CheckUtf8Enabled: true,
		RequestHeader: http.Header{"Sec-Websocket-Protocol": {d.format.subprotocol()}},
	}, conn)
	if err != nil {
		return nil, &dialError{retryAfter(answer), fmt.Errorf("open websocket: %w", err)}
	}
	s.conn = ws
	return s, nil
}

func (d dialer) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	address, port := u.Host, u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		address = net.JoinHostPort(u.Hostname(), port)
	}
	conn, err := d.dial(ctx, "tcp", address)
	if err != nil || u.Scheme == "http" {
		return conn, err
	}
	config := d.tls.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// retryAfter reads the header of a refusal, in seconds.
func retryAfter(answer *http.Response) pace {
	if answer == nil {
		return pace{}
	}
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return pace{}
	}
	return pace{after: time.Duration(seconds) * time.Second, jitter: time.Second, given: true}
}

// run reads until the socket ends; frame gets each message, closed is called once, last.
func (s *socket) run(frame func([]byte), closed func(code int, reason string)) {
	s.frame, s.closed = frame, closed
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write()
	}()
	s.conn.ReadLoop()
	<-written
}

// write sends what is queued until reading has ended.
func (s *socket) write() {
	opcode := gws.OpcodeText
	if s.binary {
		opcode = gws.OpcodeBinary
	}
	for {
		select {
		case data := <-s.writes:
			if data == nil {
				s.deadline(closeWait)
				_ = s.conn.WriteClose(1000, nil)
				return
			}
			s.deadline(writeWait)
			if err := s.conn.WriteMessage(opcode, data); err != nil {
				_ = s.conn.NetConn().Close() // the reader tells
			}
		case <-s.ended:
			return
		}
	}
}

// deadline bounds the writes from now on. The network counts by the clock of the system, whatever the
// client believes.
func (s *socket) deadline(d time.Duration) {
	_ = s.conn.NetConn().SetWriteDeadline(time.Now().Add(d)) //nolint:forbidigo // see above
}

// send queues one message; a socket that is too slow for it is closed. It never blocks.
func (s *socket) send(data []byte) {
	select {
	case s.writes <- data:
	default:
		_ = s.conn.NetConn().Close()
	}
}

// close says good-bye after what is queued, and ends the socket within a second; closed follows on the
// goroutine of run. It never blocks.
func (s *socket) close() {
	s.deadline(closeWait)
	s.send(nil)
}

// abort ends a socket that is dead.
func (s *socket) abort() { _ = s.conn.NetConn().Close() }

// handler passes what the library reads on.
type handler struct{ s *socket }

// OnOpen does nothing: the client speaks first.
func (handler) OnOpen(*gws.Conn) {}

// OnPing answers.
func (h handler) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

// OnPong does nothing: the protocol has a ping of its own.
func (handler) OnPong(*gws.Conn, []byte) {}

// OnMessage hands a copy on: the library takes its buffer back.
func (h handler) OnMessage(_ *gws.Conn, m *gws.Message) {
	data := append([]byte(nil), m.Bytes()...)
	_ = m.Close()
	h.s.frame(data)
}

// OnClose tells code and reason; 1006 stands for an end without a close frame.
func (h handler) OnClose(_ *gws.Conn, err error) {
	close(h.s.ended)
	code, reason := 1006, ""
	if told, ok := errors.AsType[*gws.CloseError](err); ok {
		code, reason = int(told.Code), string(told.Reason)
		if code == 0 {
			code = 1005
		}
	}
	h.s.closed(code, reason)
}
