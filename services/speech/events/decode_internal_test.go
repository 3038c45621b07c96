// SPDX-License-Identifier: Apache-2.0

package events

import (
	"testing"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

func FuzzDecode(f *testing.F) {
	good, err := proto.Marshal(&eventv1.EventBatch{Events: []*eventv1.Event{{
		EventId: ids.NewEvent().String(), Type: eventv1.EventType_EVENT_TYPE_SPEECH_REQUESTED, OccurredAt: 1,
		Payload: &eventv1.Event_SpeechRequested{SpeechRequested: &eventv1.SpeechRequested{
			ConversationId: ids.NewConversation().String(), Seq: 1, Attempt: 1, FileId: ids.NewFile().String(), DurationMs: 1,
		}},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := decode(body)
		if (err == nil) == (len(list) == 0) {
			t.Errorf("%d events and %v", len(list), err)
		}
		for _, e := range list {
			if e.request.Conversation.IsZero() || e.request.Seq < 1 || e.request.Attempt < 1 || e.request.Duration < 0 {
				t.Errorf("%+v", e.request)
			}
		}
	})
}
