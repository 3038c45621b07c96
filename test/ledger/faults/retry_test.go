// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	sendMethod    = "parley.message.v1.MessageService/Send"
	historyMethod = "parley.message.v1.MessageService/ListMessages"
)

// TestF2_F21_ARetryGetsTheFirstAnswer looks at one send in slow motion: the message service dies at a point,
// the caller learns nothing, and the same call again is answered with the place that the first try took.
func TestF2_F21_ARetryGetsTheFirstAnswer(t *testing.T) { // not parallel: it takes the machine for itself
	s := startSystem(t, 1, "failpoints")
	gateway := s.GatewayURL(0)
	ann, bob := people.Register(t, gateway, "ann"), people.Register(t, gateway, "bob")
	conversation := people.Befriend(t, ann, bob)
	rows := []struct{ name, point string }{
		{"it dies before the commit: the retry stores the message", "before-commit"},
		{"it dies after the commit: the retry finds the message", "after-commit"},
	}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) { // not parallel: one message service
			request := people.Text(conversation, row.name)
			s.dieAtWith(t, "message", row.point, func() {
				if answer := ann.Try(t, sendMethod, request); answer.Status == http.StatusOK {
					t.Errorf("acknowledged by a service that died at %s", row.point)
				}
			})
			want := int64(i) + 1
			for range 2 { // a third try changes nothing either
				var out messagev1.SendResponse
				ann.Do(t, sendMethod, request, &out)
				if got := out.GetSent().GetSeq(); got != want {
					t.Errorf("seq %d, want %d", got, want)
				}
			}
			other := people.Text(conversation, "another text")
			other.ClientMessageId = request.GetClientMessageId()
			if got := ann.Try(t, sendMethod, other); got.Reason != "CLIENT_MESSAGE_ID_REUSED" {
				t.Errorf("another payload under the same id: %s", got)
			}
			var page messagev1.ListMessagesResponse
			bob.Do(t, historyMethod, &messagev1.ListMessagesRequest{ConversationId: conversation}, &page)
			if got := int64(len(page.GetItems())); got != want || page.GetHead().GetSeq() != want {
				t.Errorf("history holds %d messages up to %d, want %d", got, page.GetHead().GetSeq(), want)
			}
		})
	}
}

// dieAtWith arms a point of a component, makes a call that runs into it, and starts the component again without.
func (s *system) dieAtWith(t *testing.T, name, point string, call func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Terminate(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(ctx, name, map[string]string{"PARLEY_FAILPOINTS": point + "=exit"}); err != nil {
		t.Fatal(err)
	}
	call()
	if status, err := s.Wait(ctx, name); err != nil || status != exitAtFailpoint {
		t.Fatalf("status %d, %v, want %d", status, err, exitAtFailpoint)
	}
	if err := s.Start(ctx, name, nil); err != nil {
		t.Fatal(err)
	}
}
