// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/friend/events"
	"github.com/parley-chat/parley/services/internal/ids"
)

type recorder struct{ events []*eventv1.Event }

func (r *recorder) Offer(events ...*eventv1.Event) { r.events = append(r.events, events...) }

func TestEventsOfRequestsTellBothPeople(t *testing.T) {
	t.Parallel()
	ann := friend.Profile{ID: ids.NewUser(), Username: "ann", Nickname: "Ann", Description: "x"}
	gone := friend.Profile{ID: ids.NewUser()}
	rows := []struct {
		name    string
		kind    friend.EventKind
		state   friend.State
		want    eventv1.EventType
		wantKey string
		in      friendv1.RequestState
	}{
		{"a request", friend.Requested, friend.Pending, eventv1.EventType_EVENT_TYPE_FRIEND_REQUESTED, "friend.requested", friendv1.RequestState_REQUEST_STATE_PENDING},
		{"an acceptance", friend.Responded, friend.Accepted, eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED, "friend.responded", friendv1.RequestState_REQUEST_STATE_ACCEPTED},
		{"a refusal", friend.Responded, friend.Refused, eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED, "friend.responded", friendv1.RequestState_REQUEST_STATE_REFUSED},
		{"a withdrawal", friend.Withdrawn, friend.Cancelled, eventv1.EventType_EVENT_TYPE_FRIEND_CANCELLED, "friend.cancelled", friendv1.RequestState_REQUEST_STATE_CANCELLED},
		{"an expiry", friend.Responded, friend.Expired, eventv1.EventType_EVENT_TYPE_FRIEND_RESPONDED, "friend.responded", friendv1.RequestState_REQUEST_STATE_EXPIRED},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := friend.Event{
				ID: ids.NewEvent(), Kind: row.kind, At: 9, Applicant: ann, Respondent: gone,
				Request: friend.Request{
					ID: ids.NewFriendRequest(), Applicant: ann.ID, Respondent: gone.ID, Text: "hello",
					State: row.state, CreatedAt: 5, DecidedAt: 7,
				},
			}
			check(t, e, row.wantKey, &eventv1.Event{
				EventId: e.ID.String(), Type: row.want, OccurredAt: 9,
				RecipientIds: []string{ann.ID.String(), gone.ID.String()},
				Payload: &eventv1.Event_FriendRequest{FriendRequest: &friendv1.FriendRequest{
					RequestId:  e.Request.ID.String(),
					Applicant:  &userv1.User{UserId: ann.ID.String(), Username: "ann", Nickname: "Ann", Description: "x"},
					Respondent: &userv1.User{UserId: gone.ID.String()},
					Text:       "hello", State: row.in, CreatedAt: 5, DecidedAt: 7,
				}},
			})
		})
	}
}

func TestTheEventOfARemovalTellsBothPeople(t *testing.T) {
	t.Parallel()
	e := friend.Event{ID: ids.NewEvent(), Kind: friend.Removed, At: 9, Remover: ids.NewUser(), Friend: ids.NewUser()}
	check(t, e, "friend.removed", &eventv1.Event{
		EventId: e.ID.String(), Type: eventv1.EventType_EVENT_TYPE_FRIEND_REMOVED, OccurredAt: 9,
		RecipientIds: []string{e.Friend.String(), e.Remover.String()},
		Payload: &eventv1.Event_FriendRemoved{FriendRemoved: &eventv1.FriendRemoved{
			UserId: e.Remover.String(), FriendId: e.Friend.String(),
		}},
	})
}

func TestTheEventOfARemarkOrBlockTellsItsOwnerAlone(t *testing.T) {
	t.Parallel()
	e := friend.Event{
		ID: ids.NewEvent(), Kind: friend.Updated, At: 9, Owner: ids.NewUser(), Friend: ids.NewUser(), Remark: "老板", Blocked: true,
	}
	check(t, e, "friend.updated", &eventv1.Event{
		EventId: e.ID.String(), Type: eventv1.EventType_EVENT_TYPE_FRIEND_UPDATED, OccurredAt: 9,
		RecipientIds: []string{e.Owner.String()},
		Payload: &eventv1.Event_FriendUpdated{FriendUpdated: &eventv1.FriendUpdated{
			UserId: e.Owner.String(), FriendId: e.Friend.String(), Remark: "老板", Blocked: true,
		}},
	})
}

// check compares the stored row and what is offered.
func check(t *testing.T, e friend.Event, key string, want *eventv1.Event) {
	t.Helper()
	row, err := events.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	var stored eventv1.Event
	if err := proto.Unmarshal(row.Payload, &stored); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &stored, protocmp.Transform()); diff != "" || row.RoutingKey != key || row.ID != e.ID {
		t.Errorf("row %s, key %q (-want +got):\n%s", row.ID, row.RoutingKey, diff)
	}
	var relay recorder
	events.NewPublisher(&relay).Offer(e)
	if diff := cmp.Diff([]*eventv1.Event{want}, relay.events, protocmp.Transform()); diff != "" {
		t.Errorf("offered (-want +got):\n%s", diff)
	}
}
