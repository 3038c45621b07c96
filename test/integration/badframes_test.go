// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lxzan/gws"
	"google.golang.org/protobuf/encoding/protojson"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/mutate"
	"github.com/parley-chat/parley/test/integration/people"
)

// badFrameID is the id of every bad frame.
const badFrameID = 7

// Every frame with every field one beyond its limit is answered with a reason or ends the connection with
// the code of bad frames, and changes nothing.
func TestEveryBadFrameIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	c := newCast(t, base)
	before := state(t, c)
	count := 0
	for kind, frame := range goodFrames(c) {
		inner := frame.ProtoReflect().Get(frame.ProtoReflect().WhichOneof(frame.ProtoReflect().Descriptor().Oneofs().Get(0))).Message().Interface()
		s := &badSocket{t: t, base: base, person: c.owner, fresh: kind == "auth"}
		for _, bad := range mutate.Cases(inner) {
			if !ignored(bad.Name) {
				count++
				s.refuses(kind, bad)
			}
		}
		s.hangUp()
	}
	t.Logf("%d bad frames", count)
	if after := state(t, c); after != before {
		t.Errorf("a refused frame changed something:\n%s\n%s", before, after)
	}
}

// badSocket is a connection that is made anew when a bad frame has ended it.
type badSocket struct {
	t      *testing.T
	base   string
	person *people.Person
	fresh  bool // each frame is the first of a connection
	wire   *wire
	used   int
}

// burst is how many frames go over one connection; more at once are too many.
const burst = 80

func (s *badSocket) hangUp() {
	if s.wire != nil {
		_ = s.wire.socket.NetConn().Close()
		s.wire.closedWith()
	}
	s.wire, s.used = nil, 0
}

func (s *badSocket) connect() {
	switch {
	case s.wire != nil && s.used < burst && !s.fresh:
		return
	case s.fresh:
		s.hangUp()
		s.wire = dialWire(s.t, s.base)
	default:
		s.hangUp()
		s.wire = connectWire(s.t, s.base, s.person)
	}
}

// ignored are the cases in which a client may know more than the server does.
func ignored(name string) bool {
	return name == "an unknown field" || name == "a field that names the caller" || strings.HasSuffix(name, "platform of an unknown name")
}

func (s *badSocket) refuses(kind string, bad mutate.Case) {
	s.t.Helper()
	s.connect()
	s.used++
	text := fmt.Appendf(nil, `{"id":"%d","%s":%s}`, badFrameID, kind, bad.Body)
	if err := s.wire.socket.WriteMessage(gws.OpcodeText, text); err != nil {
		s.t.Fatalf("%s with %s: %v", kind, bad.Name, err)
	}
	answer := s.wire.answerTo(badFrameID)
	if answer == nil || s.fresh {
		ended := s.wire.closedWith()
		if !strings.HasPrefix(ended, "44") && !strings.HasPrefix(ended, "1007") && ended != "4305 AUTH_FAILED" {
			s.t.Errorf("%s with %s ends with %s", kind, bad.Name, ended)
		}
		s.wire = nil
	}
	if answer != nil {
		s.checkError(kind+" with "+bad.Name, answer)
	}
}

func (s *badSocket) checkError(what string, answer *gatewayv1.ServerFrame) {
	s.t.Helper()
	refused := answer.GetError()
	if refused.GetReason() == "" || refused.GetRetry() != gatewayv1.Retry_RETRY_NEVER && refused.GetReason() != "SESSION_ENDED" {
		s.t.Errorf("%s: %v", what, answer)
	}
	text, err := protojson.Marshal(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	if found := leak.Find(text); found != nil {
		s.t.Errorf("%s leaks %q: %s", what, found, text)
	}
}

// A frame of a kind that nobody knows is answered and harms nothing.
func TestAFrameOfUnknownKindIsAnswered(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	p := people.Register(t, sys.Public(0), "newer")
	w := connectWire(t, sys.Public(0), p)
	for _, text := range []string{`{"id":"7","nobodyKnowsThis":{"x":1}}`, `{"id":"7"}`} {
		if err := w.socket.WriteMessage(gws.OpcodeText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		want := &gatewayv1.Error{Reason: "FRAME_UNKNOWN", Retry: gatewayv1.Retry_RETRY_NEVER}
		if got := w.answerTo(badFrameID).GetError(); got.GetReason() != want.GetReason() || got.GetRetry() != want.GetRetry() {
			t.Errorf("%s: %v", text, got)
		}
	}
	if answer := w.ask(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Ping{Ping: &gatewayv1.Ping{}}}); answer.GetPong() == nil {
		t.Errorf("after that a ping gets %v", answer)
	}
}
