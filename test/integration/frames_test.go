// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// wires connects every caller of the matrix.
func (c *cast) wires(t *testing.T, base string) map[string]*wire {
	t.Helper()
	made := map[string]*wire{}
	for name, p := range c.callers() {
		made[name] = connectWire(t, base, p)
	}
	return made
}

// A send and a read marker get on the socket what the calls get, by every caller, for every object.
func TestFramesAnswerAsCallsDo(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	callers, wires := c.callers(), c.wires(t, sys.Public(0))
	refusals := map[string]*gatewayv1.Error{} // by reason
	asked := map[string]int{}
	for _, r := range append(c.messageRows(), c.conversationRows()...) {
		for _, name := range columns {
			want := r.want.of(name)
			frame := asFrame(r.request(callers[name]))
			if want == "" || frame == nil {
				continue
			}
			asked[r.method]++
			refused := (*gatewayv1.Error)(nil)
			if frame.GetSend() != nil {
				refused = wires[name].ask(frame).GetError()
			} else {
				refused = wires[name].quiet(frame)
			}
			called := callers[name].Try(t, r.method, r.request(callers[name]))
			if got := refused.GetReason(); got != called.Reason || !strings.HasSuffix(want, got) || (got == "") != (want == ok) {
				t.Errorf("%s on %s by %s: the frame says %q, the call %q, the matrix %q", r.method, r.object, name, got, called, want)
			}
			if known := refusals[refused.GetReason()]; known != nil && !proto.Equal(known, refused) {
				t.Errorf("%s on %s by %s: %v is told from %v", r.method, r.object, name, refused, known)
			}
			refusals[refused.GetReason()] = refused
		}
	}
	if asked[messageSend] == 0 || len(asked) != 2 || refusals["NOT_FOUND"] == nil {
		t.Errorf("asked %v, refused %v", asked, slices.Collect(maps.Keys(refusals)))
	}
}

const messageSend = "parley.message.v1.MessageService/Send"

// asFrame is the frame that does what a call does, nil if there is none.
func asFrame(request proto.Message) *gatewayv1.ClientFrame {
	switch request := request.(type) {
	case *messagev1.SendRequest:
		return sendFrame(request)
	case *messagev1.MarkReadRequest:
		return readFrame(request.GetConversationId(), request.GetSeq())
	default:
		return nil
	}
}

// Who types is told to the other members only, of an open conversation, and only by a member.
func TestTypingIsToldToMembersByMembers(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	wires := c.wires(t, sys.Public(0))
	for object, try := range map[string]struct {
		conversation string
		want         answers
	}{
		"pair":          {c.conversation, pair},
		"group":         {c.group, members},
		"closed":        {c.closed, answers{"rest": notFound, "former": ok, "owner": ok}},
		"of who blocks": {c.sealed, answers{"rest": notFound, "blocked": ok, "owner": ok}},
		"missing":       {people.NewID(), none},
	} {
		for _, name := range columns {
			refused := wires[name].quiet(typingFrame(try.conversation))
			if got := refused.GetReason(); !strings.HasSuffix(try.want.of(name), got) || (got == "") != (try.want.of(name) == ok) {
				t.Errorf("typing in %s by %s: %q, want %q", object, name, got, try.want.of(name))
			}
			if refused != nil && !proto.Equal(refused, wires[name].fence()) {
				t.Errorf("typing in %s by %s is refused otherwise than in what is missing: %v", object, name, refused)
			}
		}
	}
	for name, want := range map[string][]string{
		"owner": {"admin in group", "friend in pair", "member in group"}, "friend": {"owner in pair"},
		"member": {"admin in group", "owner in group"}, "admin": {"member in group", "owner in group"},
		"former": nil, "blocked": nil, "stranger": nil,
	} {
		if diff := cmp.Diff(want, c.typingHeard(wires[name], len(want))); diff != "" {
			t.Errorf("%s hears (-want +got):\n%s", name, diff)
		}
	}
}

// typingHeard lists who was heard typing and where, once so many were heard and nothing more can come.
func (c *cast) typingHeard(w *wire, count int) []string {
	heard := func() (all []string) {
		for _, frame := range w.heard {
			if told := frame.GetTyping(); told != nil {
				all = append(all, c.nameOf(told.GetUserId())+" in "+map[string]string{c.conversation: "pair", c.group: "group"}[told.GetConversationId()])
			}
		}
		slices.Sort(all)
		return all
	}
	w.hear(func() bool { return len(heard()) >= count })
	w.fence()
	return heard()
}

func (c *cast) nameOf(id string) string {
	for name, p := range c.callers() {
		if p.ID == id {
			return name
		}
	}
	return "somebody"
}

// An ack is silent whatever it names, and moves nothing that anybody sees.
func TestAcksTellNothing(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	wires := c.wires(t, sys.Public(0))
	before := state(t, c)
	for _, conversation := range []string{c.conversation, c.group, c.closed, c.sealed, people.NewID()} {
		for _, name := range columns {
			ack := &gatewayv1.Ack{Positions: []*gatewayv1.Ack_Position{{ConversationId: conversation, Seq: 1}}}
			if refused := wires[name].quiet(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Ack{Ack: ack}}); refused != nil {
				t.Errorf("ack by %s: %v", name, refused)
			}
		}
	}
	if after := state(t, c); after != before {
		t.Errorf("an ack changed something:\n%s\n%s", before, after)
	}
}

// Resume tells what Sync tells: the own conversations, and nothing for the cursor of somebody else.
func TestResumeTellsTheOwnConversationsOnly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	callers := c.callers()
	cursors := map[string]string{}
	for name, p := range callers {
		var page messagev1.ListConversationsResponse
		p.Do(t, "parley.message.v1.ConversationService/ListConversations", &messagev1.ListConversationsRequest{}, &page)
		cursors[name] = page.GetCursor()
	}
	for i, name := range columns {
		var synced messagev1.SyncResponse
		callers[name].Do(t, "parley.message.v1.MessageService/Sync", &messagev1.SyncRequest{Cursor: cursors[name]}, &synced)
		resumed := resume(connectWire(t, sys.Public(0), callers[name]), cursors[name])
		if diff := cmp.Diff(conversationsOf(&synced), conversationsOf(resumed)); diff != "" || resumed.GetReset_() {
			t.Errorf("%s resumes with %v (-Sync +resumed):\n%s", name, resumed, diff)
		}
		if (len(resumed.GetHeads()) == 0) != (name == "stranger") {
			t.Errorf("%s hears of %d conversations", name, len(resumed.GetHeads()))
		}
		other := columns[(i+1)%len(columns)]
		foreign := resume(connectWire(t, sys.Public(0), callers[name]), cursors[other])
		if !foreign.GetReset_() || len(foreign.GetHeads()) > 0 {
			t.Errorf("%s resumes with the cursor of %s: %v", name, other, foreign)
		}
	}
}

func resume(w *wire, cursor string) *messagev1.SyncResponse {
	return w.ask(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Resume{Resume: &gatewayv1.Resume{Cursor: cursor}}}).GetResumed()
}

func conversationsOf(answer *messagev1.SyncResponse) []string {
	var all []string
	for _, head := range answer.GetHeads() {
		all = append(all, head.GetConversationId())
	}
	slices.Sort(all)
	return all
}

// Nobody gets anything by any frame: not before auth, not with a token that does not hold.
func TestNoFrameWorksForNobody(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	base := sys.Public(0)
	c := newCast(t, base)
	good := goodFrames(c)
	fields := (&gatewayv1.ClientFrame{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	for i := range fields.Len() {
		name := string(fields.Get(i).Name())
		frame := good[name]
		if frame == nil {
			t.Errorf("no good frame of kind %s", name)
			continue
		}
		if name == "auth" {
			continue
		}
		w := dialWire(t, base)
		w.tell(proto.CloneOf(frame))
		if got := w.closedWith(); got != "4403 PROTOCOL_ORDER" {
			t.Errorf("%s before auth: %s", name, got)
		}
		if answer := w.drain(); len(answer) > 0 {
			t.Errorf("%s before auth is answered: %v", name, answer)
		}
	}
	gone := people.Register(t, base, "gone")
	gone.Do(t, "parley.user.v1.AuthService/Logout", &userv1.LogoutRequest{}, &userv1.LogoutResponse{})
	until(t, "unauthenticated SESSION_ENDED", func() people.Answer {
		return gone.Try(t, "parley.user.v1.UserService/GetMe", &userv1.GetMeRequest{})
	})
	expired := people.Register(t, base, "expired")
	sys.Forget(t, expired.LoginSession)
	for who, auth := range map[string]*gatewayv1.ClientFrame{
		"an unknown token":            authOf("parley_s1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", c.owner.Device),
		"a logged-out token":          authOf(gone.Token, gone.Device),
		"an expired token":            authOf(expired.Token, expired.Device),
		"a token on a foreign device": authOf(c.owner.Token, c.friend.Device),
	} {
		w := dialWire(t, base)
		if refused := w.ask(auth).GetError(); refused.GetReason() != "SESSION_ENDED" {
			t.Errorf("%s: %v", who, refused)
		}
		if got := w.closedWith(); got != "4305 AUTH_FAILED" {
			t.Errorf("%s: %s", who, got)
		}
	}
	for _, name := range columns[:len(columns)-1] { // the token of the owner on the socket of everybody else
		w := connectWire(t, base, c.callers()[name])
		if refused := w.ask(authOf(c.owner.Token, c.owner.Device)).GetError(); refused.GetReason() != "SESSION_ENDED" {
			t.Errorf("%s with the token of owner: %v", name, refused)
		}
		if got := w.closedWith(); got != "4305 AUTH_FAILED" {
			t.Errorf("%s with the token of owner: %s", name, got)
		}
	}
}

// drain lists what came and was not read.
func (w *wire) drain() []string {
	var all []string
	for {
		select {
		case text := <-w.events.frames:
			all = append(all, text)
		default:
			return all
		}
	}
}

// goodFrames has one frame of each kind, from which the bad ones are derived.
func goodFrames(c *cast) map[string]*gatewayv1.ClientFrame {
	return map[string]*gatewayv1.ClientFrame{
		"auth":   authOf(c.owner.Token, c.owner.Device),
		"resume": {Kind: &gatewayv1.ClientFrame_Resume{Resume: &gatewayv1.Resume{}}},
		"send":   sendFrame(answerTo(c.conversation, 1)),
		"ack":    {Kind: &gatewayv1.ClientFrame_Ack{Ack: &gatewayv1.Ack{Positions: []*gatewayv1.Ack_Position{{ConversationId: c.conversation, Seq: 1}}}}},
		"read":   readFrame(c.conversation, 1),
		"typing": typingFrame(c.conversation),
		"ping":   {Kind: &gatewayv1.ClientFrame_Ping{Ping: &gatewayv1.Ping{Active: true}}},
		"watch":  {Kind: &gatewayv1.ClientFrame_Watch{Watch: &gatewayv1.Watch{UserIds: []string{c.friend.ID}}}},
	}
}
