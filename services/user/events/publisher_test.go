// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
)

type recorder struct{ events []*eventv1.Event }

func (r *recorder) Offer(events ...*eventv1.Event) { r.events = append(r.events, events...) }

func TestRowAndOfferAreTheSameEvent(t *testing.T) {
	t.Parallel()
	updated := user.Updated{
		ID: ids.NewEvent(), At: 1234,
		Account:        user.Account{ID: ids.NewUser(), Username: "ann", Nickname: "Ann", Description: "hi", CreatedAt: 1},
		PrivacyChanged: true,
	}
	row, err := events.Encode(updated)
	if err != nil {
		t.Fatal(err)
	}
	var stored eventv1.Event
	if err := proto.Unmarshal(row.Payload, &stored); err != nil {
		t.Fatal(err)
	}
	want := &eventv1.Event{
		EventId: updated.ID.String(), Type: eventv1.EventType_EVENT_TYPE_USER_UPDATED, OccurredAt: 1234, PrivacyChanged: true,
		Payload: &eventv1.Event_User{User: &userv1.User{
			UserId: updated.Account.ID.String(), Username: "ann", Nickname: "Ann", Description: "hi",
		}},
	}
	if diff := cmp.Diff(want, &stored, protocmp.Transform()); diff != "" {
		t.Errorf("stored event (-want +got):\n%s", diff)
	}
	if row.ID != updated.ID || row.RoutingKey != "user.updated" || row.CreatedAt != 1234 {
		t.Errorf("row %v %q %d, want the event's id, user.updated and its time", row.ID, row.RoutingKey, row.CreatedAt)
	}
	var relay recorder
	events.NewPublisher(&relay, nil).Offer(updated)
	if diff := cmp.Diff([]*eventv1.Event{want}, relay.events, protocmp.Transform()); diff != "" {
		t.Errorf("offered event (-want +got):\n%s", diff)
	}
}
