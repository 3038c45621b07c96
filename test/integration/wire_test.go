// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"google.golang.org/protobuf/encoding/protojson"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

// wire is a WebSocket of a test, in JSON.
type wire struct {
	t      *testing.T
	socket *gws.Conn
	events *socketEvents
	lastID int64
	heard  []*gatewayv1.ServerFrame // frames that answered nothing, in order
}

// dialWire opens a socket that has not said who it is.
func dialWire(t *testing.T, base string) *wire {
	t.Helper()
	w := &wire{t: t, events: &socketEvents{frames: make(chan string, 1000), closed: make(chan error, 1)}}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.socket, _, err = gws.NewClientFromConn(w.events, &gws.ClientOption{
		Addr: strings.Replace(base, "http", "ws", 1) + "/v1/ws", RequestHeader: http.Header{"Sec-Websocket-Protocol": {"parley.v1.json"}},
	}, conn)
	if err != nil {
		t.Fatal(err)
	}
	go w.socket.ReadLoop()
	return w
}

// connectWire opens a socket of a person.
func connectWire(t *testing.T, base string, p *people.Person) *wire {
	t.Helper()
	w := dialWire(t, base)
	if answer := w.ask(authOf(p.Token, p.Device)); answer.GetWelcome() == nil {
		t.Fatalf("no welcome but %v", answer)
	}
	return w
}

// authOf is the first frame with a token.
func authOf(token, device string) *gatewayv1.ClientFrame {
	return &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Auth{Auth: &gatewayv1.Auth{
		Token: token, Device: &gatewayv1.Auth_Instance{DeviceId: device, InstanceId: people.NewID(), Platform: gatewayv1.Platform_PLATFORM_NATIVE}, Protocol: 1,
	}}}
}

// tell writes a frame under a new id and answers the id.
func (w *wire) tell(frame *gatewayv1.ClientFrame) int64 {
	w.t.Helper()
	w.lastID++
	frame.Id = w.lastID
	if err := w.socket.WriteMessage(gws.OpcodeText, people.JSON(frame)); err != nil {
		w.t.Fatalf("%v: %v", frame, err)
	}
	return frame.Id
}

// ask writes a frame and waits for its answer; nil if the connection was closed in its place.
func (w *wire) ask(frame *gatewayv1.ClientFrame) *gatewayv1.ServerFrame {
	w.t.Helper()
	return w.answerTo(w.tell(frame))
}

// answerTo waits for the answer to a frame; what else comes is kept in heard.
func (w *wire) answerTo(id int64) *gatewayv1.ServerFrame {
	w.t.Helper()
	deadline := time.After(tracePatience)
	for {
		frame := w.next(deadline)
		if frame == nil || frame.GetRe() == id {
			return frame
		}
		w.heard = append(w.heard, frame)
	}
}

// next is the next frame; nil if the connection was closed.
func (w *wire) next(deadline <-chan time.Time) *gatewayv1.ServerFrame {
	w.t.Helper()
	select {
	case text := <-w.events.frames:
		frame := &gatewayv1.ServerFrame{}
		if err := protojson.Unmarshal([]byte(text), frame); err != nil {
			w.t.Fatalf("%s: %v", text, err)
		}
		return frame
	case err := <-w.events.closed:
		w.events.closed <- err
		return nil
	case <-deadline:
		w.t.Fatalf("nothing comes any more; there was %v", w.heard)
		return nil
	}
}

// hear reads until what was heard is enough.
func (w *wire) hear(enough func() bool) {
	w.t.Helper()
	for deadline := time.After(tracePatience); !enough(); {
		frame := w.next(deadline)
		if frame == nil {
			w.t.Fatal("the connection was closed")
		}
		w.heard = append(w.heard, frame)
	}
}

// fence waits until everything that was written before is done: it asks for what nobody has.
func (w *wire) fence() *gatewayv1.Error {
	w.t.Helper()
	answer := w.ask(readFrame(people.NewID(), 1))
	if answer.GetError() == nil {
		w.t.Fatalf("a marker of a missing conversation: %v", answer)
	}
	return answer.GetError()
}

// quiet writes a frame that gets no answer if it is right, and tells what came: "ok", or a reason.
func (w *wire) quiet(frame *gatewayv1.ClientFrame) *gatewayv1.Error {
	w.t.Helper()
	id := w.tell(frame)
	w.fence()
	for _, heard := range w.heard {
		if heard.GetRe() == id {
			return heard.GetError()
		}
	}
	return nil
}

// closedWith waits for the end of the connection and answers code and reason.
func (w *wire) closedWith() string {
	w.t.Helper()
	select {
	case err := <-w.events.closed:
		if closed, ok := errors.AsType[*gws.CloseError](err); ok {
			return fmt.Sprintf("%d %s", closed.Code, closed.Reason)
		}
		return fmt.Sprint(err)
	case <-time.After(tracePatience):
		w.t.Fatal("the connection is not closed")
		return ""
	}
}

func readFrame(conversation string, seq int64) *gatewayv1.ClientFrame {
	return &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Read{Read: &gatewayv1.Read{ConversationId: conversation, Seq: seq}}}
}

func typingFrame(conversation string) *gatewayv1.ClientFrame {
	return &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Typing{Typing: &gatewayv1.Typing{
		ConversationId: conversation, State: gatewayv1.TypingState_TYPING_STATE_STARTED,
	}}}
}

func sendFrame(send *messagev1.SendRequest) *gatewayv1.ClientFrame {
	return &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Send{Send: send}}
}
