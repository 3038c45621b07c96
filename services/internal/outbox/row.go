// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// Row of the table outbox(id BINARY(16) PRIMARY KEY, routing_key VARBINARY(64), payload BLOB,
// created_at BIGINT), which each service makes in its own migrations.
type Row struct {
	ID         ids.EventID `db:"id"`          // of the event
	RoutingKey string      `db:"routing_key"` // RoutingKey of the event's type
	Payload    []byte      `db:"payload"`     // the event, or what Options.Load finds it by
	CreatedAt  int64       `db:"created_at"`  // ms
}

// Insert writes rows in one statement; none is no statement.
func Insert(ctx context.Context, tx *sqldb.Tx, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	args := make([]any, 0, 4*len(rows))
	for _, r := range rows {
		payload := r.Payload
		if payload == nil {
			payload = []byte{}
		}
		args = append(args, r.ID, []byte(r.RoutingKey), payload, r.CreatedAt)
	}
	_, err := tx.Exec(ctx, "INSERT INTO outbox (id, routing_key, payload, created_at) VALUES (?, ?, ?, ?)"+
		strings.Repeat(", (?, ?, ?, ?)", len(rows)-1), args...)
	if err != nil {
		return fmt.Errorf("insert into outbox: %w", err)
	}
	return nil
}

// RoutingKey of a type of event: "message.created" for EVENT_TYPE_MESSAGE_CREATED.
func RoutingKey(t eventv1.EventType) string {
	name := strings.ToLower(strings.TrimPrefix(t.String(), "EVENT_TYPE_"))
	return strings.Replace(name, "_", ".", 1)
}

// FromEvent makes a row that holds the whole event.
func FromEvent(e *eventv1.Event) (Row, error) {
	id, err := eventID(e)
	if err != nil {
		return Row{}, err
	}
	payload, err := proto.Marshal(e)
	if err != nil {
		return Row{}, fmt.Errorf("encode event: %w", err)
	}
	return Row{ID: id, RoutingKey: RoutingKey(e.GetType()), Payload: payload, CreatedAt: e.GetOccurredAt()}, nil
}

// decodeAll reads rows that FromEvent made, for a relay without Options.Load. One that cannot be read is
// left out.
func decodeAll(_ context.Context, rows []Row) ([]*eventv1.Event, error) {
	events := make([]*eventv1.Event, 0, len(rows))
	for _, r := range rows {
		e := new(eventv1.Event)
		if proto.Unmarshal(r.Payload, e) == nil {
			events = append(events, e)
		}
	}
	return events, nil
}

func eventID(e *eventv1.Event) (id ids.EventID, err error) {
	if err := id.UnmarshalText([]byte(e.GetEventId())); err != nil {
		return id, fmt.Errorf("event id: %w", err)
	}
	return id, nil
}
