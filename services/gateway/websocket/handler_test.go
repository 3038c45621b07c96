// SPDX-License-Identifier: Apache-2.0

package websocket_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/websocket"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestHandshake(t *testing.T) {
	t.Parallel()
	const ours = "https://chat.example.org"
	for name, row := range map[string]struct {
		request string
		origins []string
		status  int
	}{
		"a proper one":                       {handshake(), nil, 101},
		"JSON":                               {handshake("Sec-WebSocket-Protocol: parley.v1.json"), nil, 101},
		"the first known of several":         {handshake("Sec-WebSocket-Protocol: chat, parley.v1.json, parley.v1.proto"), nil, 101},
		"with a seat":                        {handshake("GET /v1/ws/12 HTTP/1.1"), nil, 101},
		"a seat that is no number":           {handshake("GET /v1/ws/x HTTP/1.1"), nil, 404},
		"something behind the seat":          {handshake("GET /v1/ws/1/2 HTTP/1.1"), nil, 404},
		"another path":                       {handshake("GET /v1/wsx HTTP/1.1"), nil, 404},
		"no subprotocol":                     {handshake("Sec-WebSocket-Protocol:"), nil, 400},
		"another subprotocol":                {handshake("Sec-WebSocket-Protocol: graphql-ws"), nil, 400},
		"no upgrade":                         {handshake("Connection: close", "Upgrade:"), nil, 426},
		"an old version":                     {handshake("Sec-WebSocket-Version: 8"), nil, 426},
		"no version":                         {handshake("Sec-WebSocket-Version:"), nil, 426},
		"no key":                             {handshake("Sec-WebSocket-Key:"), nil, 400},
		"a short key":                        {handshake("Sec-WebSocket-Key: AAAA"), nil, 400},
		"a key that is no base64":            {handshake("Sec-WebSocket-Key: ????????????????????????"), nil, 400},
		"another method":                     {handshake("POST /v1/ws HTTP/1.1"), nil, 405},
		"a body":                             {handshake("Content-Length: 3") + "abc", nil, 400},
		"compression is not taken up":        {handshake("Sec-WebSocket-Extensions: permessage-deflate"), nil, 101},
		"the own origin":                     {handshake("Origin: " + ours), nil, 101},
		"the own origin without TLS":         {handshake("Origin: http://chat.example.org"), nil, 101},
		"a foreign origin":                   {handshake("Origin: https://evil.example"), nil, 403},
		"a look-alike":                       {handshake("Origin: https://chat.example.org.evil.example"), nil, 403},
		"another port":                       {handshake("Origin: https://chat.example.org:8443"), nil, 403},
		"a null origin":                      {handshake("Origin: null"), nil, 403},
		"an origin of a file":                {handshake("Origin: file://chat.example.org"), nil, 403},
		"two origins":                        {strings.Replace(handshake("Origin: "+ours), "Origin:", "Origin: https://evil.example\r\nOrigin:", 1), nil, 403},
		"an origin on the list":              {handshake("Origin: https://app.example"), []string{"https://app.example"}, 101},
		"the own host is not on the list":    {handshake("Origin: " + ours), []string{"https://app.example"}, 403},
		"the list is exact":                  {handshake("Origin: http://app.example"), []string{"https://app.example"}, 403},
		"no origin, for programs":            {handshake(), []string{"https://app.example"}, 101},
		"a token in the address changes nil": {handshake("GET /v1/ws?token=x HTTP/1.1"), nil, 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, func(_ *gateway.Limits, o *websocket.Options) { o.Origins = row.origins })
			_, response := d.dial(row.request)
			_ = response.Body.Close()
			if response.StatusCode != row.status {
				t.Errorf("status %d, want %d", response.StatusCode, row.status)
			}
			if response.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Error("an extension was taken up")
			}
		})
	}
}

func TestTheChosenSubprotocolIsTold(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	_, response := d.dial(handshake("Sec-WebSocket-Protocol: x, parley.v1.json, parley.v1.proto"))
	_ = response.Body.Close()
	if got := response.Header.Get("Sec-WebSocket-Protocol"); got != "parley.v1.json" {
		t.Errorf("subprotocol %q", got)
	}
}

func TestABusyPodTellsWhenToComeBack(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*gateway.Limits)
		status int
	}{
		"the pod is full":                 {func(l *gateway.Limits) { l.Sessions = 1 }, http.StatusServiceUnavailable},
		"the address has too many":        {func(l *gateway.Limits) { l.SessionsPerAddress = 1 }, http.StatusTooManyRequests},
		"too many handshakes in a second": {func(l *gateway.Limits) { l.HandshakesPerSec = 0.01 }, http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, func(l *gateway.Limits, _ *websocket.Options) { row.change(l) })
			d.connect()
			_, response := d.dial(handshake())
			_ = response.Body.Close()
			if response.StatusCode != row.status || response.Header.Get("Retry-After") == "" {
				t.Errorf("status %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
			}
		})
	}
}

func TestAPlaceIsGivenBack(t *testing.T) {
	t.Parallel()
	d := open(t, func(l *gateway.Limits, _ *websocket.Options) { l.Sessions = 1 })
	c := d.connect()
	_ = c.conn.Close()
	deadline := time.Now().Add(patience)
	for {
		_, response := d.dial(handshake())
		_ = response.Body.Close()
		if response.StatusCode == http.StatusSwitchingProtocols {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d", response.StatusCode)
		}
	}
}

func TestBothFormatsCarryTheSameFrames(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]gateway.Format{
		websocket.ProtoSubprotocol: gateway.FormatProto, websocket.JSONSubprotocol: gateway.FormatJSON,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, nil)
			c := d.connect("Sec-WebSocket-Protocol: " + name)
			login := d.auth(c, format)
			k := ids.NewConversation()
			c.send(format, &gatewayv1.ClientFrame{Id: 2, Kind: &gatewayv1.ClientFrame_Resume{Resume: &gatewayv1.Resume{}}})
			if f := c.read(format); f.GetRe() != 2 || !f.GetResumed().GetReset_() {
				t.Errorf("resumed %v", f)
			}
			c.send(format, &gatewayv1.ClientFrame{Id: 3, Kind: &gatewayv1.ClientFrame_Send{Send: &messagev1.SendRequest{
				ConversationId: k.String(), ClientMessageId: ids.NewClientMessage().String(),
				Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: "在吗？"}}},
			}}})
			if f := c.read(format); f.GetRe() != 3 || f.GetSent().GetSeq() != 1 {
				t.Errorf("sent %v", f)
			}
			want := &gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Messages{Messages: &gatewayv1.Messages{
				ConversationId: k.String(), Items: []*messagev1.Message{{
					ConversationId: k.String(), Seq: 1, Content: &messagev1.Message_Text{Text: &messagev1.Text{Body: "在吗？"}},
				}},
			}}}
			data, err := proto.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			d.hub.Deliver([]gateway.Delivery{{Frame: data, Class: gateway.ClassDurable, Users: []ids.UserID{login.User}}}, false)
			if got := c.read(format); !proto.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			d.hub.EndLogin(login.Session, gateway.EndRevoked)
			c.wantClose(4301)
		})
	}
}

// TestASocketThatIsNotReadEnds fills the socket of a client that never reads.
func TestASocketThatIsNotReadEnds(t *testing.T) {
	t.Parallel()
	d := open(t, func(l *gateway.Limits, o *websocket.Options) {
		l.QueueBytes, l.QueueFrames = 64<<20, 1<<20
		o.WriteWait = 200 * time.Millisecond
	})
	c := d.connect()
	login := d.auth(c, gateway.FormatProto)
	big := make([]byte, 1<<20)
	frame, err := proto.Marshal(&gatewayv1.ServerFrame{Kind: &gatewayv1.ServerFrame_Error{Error: &gatewayv1.Error{Reason: string(big)}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 32 {
		d.hub.Deliver([]gateway.Delivery{{Frame: frame, Class: gateway.ClassDurable, Users: []ids.UserID{login.User}}}, false)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for d.hub.Stats().Closes[gateway.CloseSlow] == 0 {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("closes %v", d.hub.Stats().Closes)
		}
	}
}

// TestAnIdleSessionCostsLittle counts goroutines exactly and memory roughly: a tenth of a goroutine and
// 16 KiB above the aim would be a leak, not noise.
func TestAnIdleSessionCostsLittle(t *testing.T) {
	d := open(t, nil)
	const sessions = 300
	before := measure()
	for range sessions {
		d.auth(d.connect(), gateway.FormatProto)
	}
	deadline := time.Now().Add(patience)
	var after usage
	for after = measure(); after.goroutines-before.goroutines > sessions*11/10 && time.Now().Before(deadline); after = measure() {
	}
	if n := after.goroutines - before.goroutines; n > sessions*11/10 {
		t.Errorf("%d goroutines for %d sessions", n, sessions)
	}
	if n := (after.bytes - before.bytes) / sessions; n > 32<<10 {
		t.Errorf("%d bytes per session, the client's part included", n)
	} else {
		t.Logf("%d bytes per session, the client's part included", n)
	}
}

type usage struct {
	goroutines int
	bytes      int64
}

func measure() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{goroutines: runtime.NumGoroutine(), bytes: int64(m.HeapInuse + m.StackInuse)}
}
