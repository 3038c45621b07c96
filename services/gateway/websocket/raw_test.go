// SPDX-License-Identifier: Apache-2.0

package websocket_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/gateway/websocket"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test.
const patience = 10 * time.Second

// door is a real handler on a real listen port, with fakes behind the session.
type door struct {
	t        *testing.T
	address  string
	hub      *gateway.Hub
	tokens   *gatewaytest.Tokens
	messages *gatewaytest.Messages
}

func open(t *testing.T, change func(*gateway.Limits, *websocket.Options)) *door {
	t.Helper()
	network := gatewaytest.NewNetwork()
	d := &door{t: t, tokens: gatewaytest.NewTokens(), messages: gatewaytest.NewMessages()}
	limits := gateway.DefaultLimits()
	limits.HalfOpenPerAddress, limits.SessionsPerAddress, limits.FramesBurst = 1000, 1000, 10000
	options := websocket.Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler), WriteWait: 2 * time.Second}
	if change != nil {
		change(&limits, &options)
	}
	d.hub = gateway.New(gateway.Options{
		Pod: "pod-a", Limits: limits, Tokens: d.tokens, Messages: d.messages, Homes: network, Courier: network,
		Codec: websocket.NewCodec(), Ring: network, Now: time.Now,
	})
	network.Join("pod-a", d.hub)
	options.Hub, options.FrameBytes = d.hub, limits.FrameBytes
	handler := websocket.New(options)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(identity.NewContext(r.Context(), identity.Caller{ClientAddress: "192.0.2.1"})))
	}))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.Close() // first: no connection may come in while Wait counts
		handler.Wait()
	})
	d.address = server.Listener.Addr().String()
	return d
}

// raw is a client that writes bytes.
type raw struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// handshake is the request of a proper client; rows replace lines of it.
func handshake(replace ...string) string {
	lines := []string{
		"GET /v1/ws HTTP/1.1", "Host: chat.example.org", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: parley.v1.proto",
	}
	for _, line := range replace {
		name, value, _ := strings.Cut(line, ":")
		found := false
		for i, old := range lines {
			if strings.HasPrefix(old, name+":") || i == 0 && !strings.Contains(line, ":") {
				lines[i], found = line, true
				if value == "" && strings.Contains(line, ":") {
					lines[i] = "X-Gone: 1"
				}
				break
			}
		}
		if !found {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func (d *door) dial(request string) (*raw, *http.Response) {
	d.t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(d.t.Context(), "tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	c := &raw{t: d.t, conn: conn, r: bufio.NewReader(conn)}
	c.write([]byte(request))
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return c, response
}

// connect is a proper handshake.
func (d *door) connect(replace ...string) *raw {
	d.t.Helper()
	c, response := d.dial(handshake(replace...))
	if response.StatusCode != http.StatusSwitchingProtocols {
		d.t.Fatalf("status %d", response.StatusCode)
	}
	return c
}

func (c *raw) write(p []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// frame writes one frame; first is the first byte. Masked with a mask that is not zero.
func frame(first byte, payload []byte) []byte {
	out := []byte{first}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := []byte{1, 2, 3, 4}
	out = append(out, mask...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	return out
}

// next reads one frame of the server.
func (c *raw) next() (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a masked frame of the server")
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		if _, err = io.ReadFull(c.r, b[:]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err = io.ReadFull(c.r, b[:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.r, payload)
	return head[0], payload, err
}

// wantClose reads until the close frame, and then the end of the connection.
func (c *raw) wantClose(code uint16) {
	c.t.Helper()
	for {
		first, payload, err := c.next()
		if err != nil {
			c.t.Fatalf("%v, want close %d", err, code)
		}
		if first != 0x88 {
			continue
		}
		got := uint16(1005)
		if len(payload) >= 2 {
			got = binary.BigEndian.Uint16(payload)
		}
		if got != code {
			c.t.Fatalf("closed %d %q, want %d", got, payload[2:], code)
		}
		return
	}
}

// auth authenticates; format is the subprotocol of the connection.
func (d *door) auth(c *raw, format gateway.Format) gateway.Login {
	d.t.Helper()
	login := gateway.Login{User: ids.NewUser(), Session: ids.NewLoginSession(), Device: ids.NewDevice()}
	d.tokens.Issue(login.Session.String(), login)
	c.send(format, &gatewayv1.ClientFrame{Id: 1, Kind: &gatewayv1.ClientFrame_Auth{Auth: &gatewayv1.Auth{
		Token: login.Session.String(), Protocol: 1,
		Device: &gatewayv1.Auth_Instance{DeviceId: login.Device.String(), InstanceId: ids.NewInstance().String()},
	}}})
	if w := c.read(format); w.GetRe() != 1 || w.GetWelcome().GetUserId() != login.User.String() {
		d.t.Fatalf("not welcome: %v", w)
	}
	return login
}

func (c *raw) send(format gateway.Format, f *gatewayv1.ClientFrame) {
	c.t.Helper()
	c.write(frame(opcode(format), c.encode(format, f)))
}

func (c *raw) encode(format gateway.Format, f *gatewayv1.ClientFrame) []byte {
	c.t.Helper()
	data, err := proto.Marshal(f)
	if format == gateway.FormatJSON {
		data, err = protojson.Marshal(f)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

func opcode(format gateway.Format) byte {
	if format == gateway.FormatJSON {
		return 0x81
	}
	return 0x82
}

// read reads one message, past control frames.
func (c *raw) read(format gateway.Format) *gatewayv1.ServerFrame {
	c.t.Helper()
	for {
		first, payload, err := c.next()
		if err != nil {
			c.t.Fatal(err)
		}
		if first == 0x88 {
			c.t.Fatalf("closed %q", payload)
		}
		if first != opcode(format) {
			continue
		}
		f := &gatewayv1.ServerFrame{}
		if format == gateway.FormatJSON {
			err = protojson.Unmarshal(payload, f)
		} else {
			err = proto.Unmarshal(payload, f)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		return f
	}
}
