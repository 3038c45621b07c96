// SPDX-License-Identifier: Apache-2.0

package mutate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/test/integration/mutate"
)

func TestEveryCaseIsRefusedByTheRulesOrTheDecoder(t *testing.T) {
	t.Parallel()
	good := &messagev1.SendRequest{
		ConversationId:  "0198c9a2-1111-7abc-8def-0123456789ab",
		ClientMessageId: "0198c9a2-1111-7abc-8def-0123456789ac",
		Content:         &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: "hi"}}},
	}
	names := map[string]bool{}
	for _, c := range mutate.Cases(good) {
		names[c.Name] = true
		var request messagev1.SendRequest
		if err := protojson.Unmarshal(c.Body, &request); err != nil {
			continue // the decoder refuses it
		}
		if err := protovalidate.Validate(&request); err != nil {
			continue
		}
		if strings.Contains(c.Name, "upper case") || strings.Contains(c.Name, "zero id") {
			continue // the domain refuses these
		}
		t.Errorf("%s passes: %.200s", c.Name, c.Body)
	}
	for _, want := range []string{
		"content.text.body one beyond its length", "content.text.body one short of its length",
		"conversationId that is no id", "an unknown field", "a body beyond the limit",
	} {
		if !names[want] {
			t.Errorf("no case %q", want)
		}
	}
}

func TestARequiredFieldIsLeftOut(t *testing.T) {
	t.Parallel()
	good := &userv1.RegisterRequest{Username: "ann", Nickname: "Ann", Password: "long enough", Device: &userv1.Device{Name: "laptop"}}
	for _, c := range mutate.Cases(good) {
		if c.Name == "device is missing" {
			return
		}
	}
	t.Error(`no case "device is missing"`)
}

func TestARequestWithoutFieldsHasCasesToo(t *testing.T) {
	t.Parallel()
	for _, c := range mutate.Cases(&userv1.GetMeRequest{}) {
		if c.Name == "an unknown field" && !json.Valid(c.Body) {
			t.Fatalf("not JSON: %s", c.Body)
		}
	}
}

func TestAListOfMessagesGetsOneItemTooMany(t *testing.T) {
	t.Parallel()
	good := &gatewayv1.Ack{Positions: []*gatewayv1.Ack_Position{{ConversationId: "0198c9a2-1111-7abc-8def-0123456789ab", Seq: 1}}}
	for _, c := range mutate.Cases(good) {
		var ack gatewayv1.Ack
		if c.Name != "positions with one item too many" {
			continue
		}
		if err := protojson.Unmarshal(c.Body, &ack); err != nil || len(ack.GetPositions()) != 201 || ack.GetPositions()[200].GetSeq() != 1 {
			t.Errorf("%d positions, %v", len(ack.GetPositions()), err)
		}
		return
	}
	t.Error("no case with one item too many")
}
