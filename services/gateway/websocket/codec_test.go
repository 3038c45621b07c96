// SPDX-License-Identifier: Apache-2.0

package websocket_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/websocket"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	idText    = "0198c9a2-1111-7abc-8def-0123456789ab"
	otherText = "0198c9a2-2222-7abc-8def-0123456789ab"
)

func conversation(t *testing.T) ids.ConversationID {
	t.Helper()
	k, err := ids.ParseConversation("k", idText)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func user(t *testing.T) ids.UserID {
	t.Helper()
	u, err := ids.ParseUser("u", otherText)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestDecode(t *testing.T) {
	t.Parallel()
	k := conversation(t)
	long := strings.Repeat("x", 300)
	for name, row := range map[string]struct {
		json  string
		want  any    // kind
		field string // of a broken rule
		bad   bool   // no frame at all
	}{
		"resume":                        {json: `{"id":1,"resume":{"cursor":"c"}}`, want: gateway.Resume{Cursor: "c"}},
		"read":                          {json: `{"id":1,"read":{"conversationId":"` + idText + `","seq":"7"}}`, want: gateway.Read{Conversation: k, Seq: 7}},
		"typing":                        {json: `{"id":1,"typing":{"conversationId":"` + idText + `","state":"TYPING_STATE_STARTED"}}`, want: gateway.Typing{Conversation: k, State: 1}},
		"ping":                          {json: `{"id":1,"ping":{"cursor":"c","active":true}}`, want: gateway.Ping{Cursor: "c", Active: true}},
		"watch":                         {json: `{"id":1,"watch":{"userIds":["` + otherText + `"]}}`, want: gateway.Watch{Users: []ids.UserID{user(t)}}},
		"watch nobody":                  {json: `{"id":1,"watch":{}}`, want: gateway.Watch{Users: []ids.UserID{}}},
		"watch what is no id":           {json: `{"id":1,"watch":{"userIds":["x"]}}`, field: "watch.user_ids[0]"},
		"watch the zero id":             {json: `{"id":1,"watch":{"userIds":["00000000-0000-0000-0000-000000000000"]}}`, field: "watch.user_ids"},
		"watch too many":                {json: `{"id":1,"watch":{"userIds":["` + strings.Repeat(otherText+`","`, 200) + otherText + `"]}}`, field: "watch.user_ids"},
		"ack":                           {json: `{"id":1,"ack":{"positions":[{"conversationId":"` + idText + `","seq":1}]}}`, want: gateway.Ack{}},
		"no kind":                       {json: `{"id":1}`},
		"an unknown kind":               {json: `{"id":1,"wave":{}}`},
		"a cursor that is too long":     {json: `{"id":1,"resume":{"cursor":"` + long + `"}}`, field: "resume.cursor"},
		"an id in upper case":           {json: `{"id":1,"read":{"conversationId":"` + strings.ToUpper(idText) + `"}}`, field: "read.conversation_id"},
		"the zero id":                   {json: `{"id":1,"read":{"conversationId":"00000000-0000-0000-0000-000000000000"}}`, field: "read.conversation_id"},
		"a negative position":           {json: `{"id":1,"read":{"conversationId":"` + idText + `","seq":-1}}`, field: "read.seq"},
		"no typing state":               {json: `{"id":1,"typing":{"conversationId":"` + idText + `"}}`, field: "typing.state"},
		"an unknown typing state":       {json: `{"id":1,"typing":{"conversationId":"` + idText + `","state":7}}`, field: "typing.state"},
		"a client that says who types":  {json: `{"id":1,"typing":{"conversationId":"` + idText + `","state":1,"userId":"x"}}`, field: "typing.user_id"},
		"no device":                     {json: `{"id":1,"auth":{"token":"t"}}`, field: "auth.device"},
		"no token":                      {json: `{"id":1,"auth":{"device":{"deviceId":"` + idText + `","instanceId":"` + idText + `"}}}`, field: "auth.token"},
		"a device that is no id":        {json: `{"id":1,"auth":{"token":"t","device":{"deviceId":"x","instanceId":"` + idText + `"}}}`, field: "auth.device.device_id"},
		"the zero device":               {json: `{"id":1,"auth":{"token":"t","device":{"deviceId":"00000000-0000-0000-0000-000000000000","instanceId":"` + idText + `"}}}`, field: "auth.device.device_id"},
		"the zero instance":             {json: `{"id":1,"auth":{"token":"t","device":{"deviceId":"` + idText + `","instanceId":"00000000-0000-0000-0000-000000000000"}}}`, field: "auth.device.instance_id"},
		"a message without text":        {json: `{"id":1,"send":{"conversationId":"` + idText + `","clientMessageId":"` + idText + `","content":{"text":{}}}}`, field: "send.content.text.body"},
		"an ack of nothing":             {json: `{"id":1,"ack":{}}`, field: "ack.positions"},
		"bytes":                         {json: "\x00", bad: true},
		"a list":                        {json: `[]`, bad: true},
		"a kind that is twice":          {json: `{"ping":{},"ping":{}}`, bad: true},
		"a position that is a fraction": {json: `{"read":{"seq":1.5}}`, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := websocket.NewCodec().Decode(gateway.FormatJSON, []byte(row.json))
			switch {
			case row.bad:
				if !errors.Is(err, gateway.ErrBadFrame) {
					t.Errorf("error %v", err)
				}
				return
			case row.field != "":
				f, ok := fault.Of(err)
				if !ok || f.Reason() != "CONTENT_INVALID" || f.Metadata()["field"] != row.field || got.ID != 1 {
					t.Errorf("frame %d, error %v, metadata %v", got.ID, err, f.Metadata())
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got.Kind); diff != "" || got.ID != 1 {
				t.Error(diff)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	k := conversation(t)
	user, _ := ids.ParseUser("u", otherText)
	session, _ := ids.ParseSession("s", otherText)
	client, _ := ids.ParseClientMessage("c", otherText)
	message := ids.MessageID(user)
	head := gateway.Head{Conversation: k, Seq: 4, Rev: 1, MembersRev: 2, ReadSeq: 3, Unread: 1, Mentions: 1}
	const headJSON = `{"conversationId":"` + idText + `","seq":4,"rev":1,"membersRev":2,"readSeq":3,"unread":1,"mentions":1}`
	for name, row := range map[string]struct {
		body any
		want string
	}{
		"welcome": {
			gateway.Welcome{Session: session, User: user, Epoch: 5, ServerTime: 6, PingMS: 7, FrameBytes: 8, SendsInFlight: 9},
			`{"welcome":{"sessionId":"` + otherText + `","userId":"` + otherText + `","epoch":5,"serverTime":6,"pingMs":7,"limits":{"frameBytes":8,"sendsInFlight":9}}}`,
		},
		"resumed": {
			gateway.Heads{Reset: true, Complete: true, Heads: []gateway.Head{head}, Cursor: "c"},
			`{"resumed":{"reset":true,"complete":true,"cursor":"c","heads":[` + headJSON + `]}}`,
		},
		"pong": {
			gateway.Pong{ServerTime: 1, Complete: true, Heads: []gateway.Head{head}, Cursor: "c"},
			`{"pong":{"serverTime":1,"complete":true,"cursor":"c","heads":[` + headJSON + `]}}`,
		},
		"sent": {
			gateway.Sent{ClientMessage: client, Conversation: k, Message: message, Seq: 3, SentAt: 4},
			`{"sent":{"clientMessageId":"` + otherText + `","conversationId":"` + idText + `","messageId":"` + otherText + `","seq":3,"sentAt":4}}`,
		},
		"typing": {
			gateway.Typing{Conversation: k, User: user, State: 2},
			`{"typing":{"conversationId":"` + idText + `","userId":"` + otherText + `","state":"TYPING_STATE_STOPPED"}}`,
		},
		"presence": {
			gateway.Presences{Items: []gateway.Presence{
				{User: user, State: gateway.PresenceOnline, ActiveAt: 5},
				{User: user, State: gateway.PresenceAway},
				{User: user, State: gateway.PresenceOffline},
				{User: user},
			}},
			`{"presence":{"items":[{"userId":"` + otherText + `","state":"PRESENCE_STATE_ONLINE","lastActiveAt":5},` +
				`{"userId":"` + otherText + `","state":"PRESENCE_STATE_AWAY"},{"userId":"` + otherText + `","state":"PRESENCE_STATE_OFFLINE"},` +
				`{"userId":"` + otherText + `"}]}}`,
		},
		"resync of a conversation": {
			gateway.Resync{Conversation: k, FromSeq: 9, Reason: gateway.ResyncOverflow},
			`{"resync":{"conversationId":"` + idText + `","fromSeq":9,"reason":"RESYNC_REASON_OVERFLOW"}}`,
		},
		"resync of all": {
			gateway.Resync{Reason: gateway.ResyncBrokerLost}, `{"resync":{"reason":"RESYNC_REASON_BROKER_LOST"}}`,
		},
		"resync after a change": {
			gateway.Resync{Reason: gateway.ResyncHomeChanged}, `{"resync":{"reason":"RESYNC_REASON_HOME_CHANGED"}}`,
		},
		"reconnect": {
			gateway.Reconnect{AfterMS: 1, JitterMS: 2, DeadlineMS: 3, Reason: "ROLLOUT"},
			`{"reconnect":{"afterMs":1,"jitterMs":2,"deadlineMs":3,"reason":"ROLLOUT"}}`,
		},
		"never": {
			gateway.Refusal{Reason: "NOT_FOUND", Metadata: map[string]string{"field": "x"}},
			`{"error":{"reason":"NOT_FOUND","retry":"RETRY_NEVER","metadata":{"field":"x"}}}`,
		},
		"after": {
			gateway.Refusal{Reason: "RATE_LIMITED", Retry: gateway.RetryAfter, RetryAfterMS: 5},
			`{"error":{"reason":"RATE_LIMITED","retry":"RETRY_AFTER","retryAfterMs":5}}`,
		},
		"same id": {gateway.Refusal{Reason: "UNAVAILABLE", Retry: gateway.RetrySameID}, `{"error":{"reason":"UNAVAILABLE","retry":"RETRY_SAME_ID"}}`},
		"login":   {gateway.Refusal{Reason: "SESSION_ENDED", Retry: gateway.RetryLogin}, `{"error":{"reason":"SESSION_ENDED","retry":"RETRY_LOGIN"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := &gatewayv1.ServerFrame{}
			if err := protojson.Unmarshal([]byte(row.want), want); err != nil {
				t.Fatal(err)
			}
			want.Re = 3
			for _, format := range []gateway.Format{gateway.FormatProto, gateway.FormatJSON} {
				data, err := websocket.NewCodec().Encode(format, 3, row.body)
				if err != nil {
					t.Fatal(err)
				}
				got := &gatewayv1.ServerFrame{}
				if format == gateway.FormatJSON {
					err = protojson.Unmarshal(data, got)
				} else {
					err = proto.Unmarshal(data, got)
				}
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if _, err := websocket.NewCodec().Encode(gateway.FormatProto, 0, struct{}{}); err == nil {
		t.Error("a body that is none was encoded")
	}
	if _, err := websocket.NewCodec().Encode(gateway.FormatJSON, 0, gateway.Raw("\xff\xff")); err == nil {
		t.Error("bytes that are no frame were encoded")
	}
}

// FuzzDecode looks for panics, and for frames that are taken although a send in them breaks a rule.
func FuzzDecode(f *testing.F) {
	f.Add(true, []byte(`{"id":1,"auth":{"token":"t","device":{"deviceId":"`+idText+`","instanceId":"`+idText+`"},"protocol":1}}`))
	f.Add(true, []byte(`{"send":{"conversationId":"`+idText+`","clientMessageId":"`+idText+`","content":{"text":{"body":"x"}}}}`))
	f.Add(true, []byte(`{"ack":{"positions":[{"conversationId":"`+idText+`","seq":"9223372036854775807"}]}}`))
	f.Add(false, []byte("\x08\x01\x42\x00"))
	f.Add(false, []byte("\xff"))
	codec := websocket.NewCodec()
	f.Fuzz(func(t *testing.T, json bool, data []byte) {
		format := gateway.FormatProto
		if json {
			format = gateway.FormatJSON
		}
		frame, err := codec.Decode(format, data)
		if err != nil && !errors.Is(err, gateway.ErrBadFrame) && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("error %v", err)
		}
		if o, ok := frame.Kind.(gateway.Outgoing); ok && err == nil {
			send, ok := o.Request.(*messagev1.SendRequest)
			if !ok || o.Conversation.IsZero() || send.GetContent().GetText().GetBody() == "" {
				t.Fatalf("taken: %v", o)
			}
		}
	})
}

// FuzzConnection sends bytes to a connection: whatever the bytes, the server neither panics nor hangs.
func FuzzConnection(f *testing.F) {
	f.Add([]byte{0x81, 0x80, 1, 2, 3, 4})
	f.Add([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Add(frame(0x88, []byte{3, 232}))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := open(t, nil)
		c := d.connect()
		_, _ = c.conn.Write(data)
		_, _ = c.conn.Write(frame(0x88, []byte{3, 232}))
		for {
			if _, _, err := c.next(); err != nil {
				return
			}
			_ = c.conn.Close()
		}
	})
}
