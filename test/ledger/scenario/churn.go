// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/test/ledger"
)

// stayers to each who leaves and comes back.
const stayers = 2

// group is a group of everybody.
type group struct {
	id       string
	owner    *person
	restless []*person // leave and come back, and only hear
}

func (w *world) conversations() messagev1connect.ConversationServiceClient {
	return messagev1connect.NewConversationServiceClient(http.DefaultClient, w.gateways[0])
}

// makeGroup makes the first person a friend of all others, and owner of a group of them.
func (w *world) makeGroup(ctx context.Context) error {
	g := &group{owner: w.people[0]}
	ids := make([]string, 0, len(w.people))
	staying := []*person{g.owner}
	for i, p := range w.people[1:] {
		if !w.talk(g.owner, p) {
			if err := w.befriend(ctx, g.owner, p); err != nil {
				return err
			}
		}
		ids = append(ids, p.id)
		if i%(stayers+1) == stayers {
			g.restless = append(g.restless, p)
		} else {
			staying = append(staying, p)
		}
	}
	made, err := w.conversations().CreateGroup(g.owner.as(ctx), &messagev1.CreateGroupRequest{
		IdempotencyKey: uuid.Must(uuid.NewV7()).String(), Name: "everybody", MemberIds: ids,
	})
	if err != nil {
		return fmt.Errorf("make a group: %w", err)
	}
	g.id = made.GetConversation().GetConversationId()
	for _, p := range staying {
		p.conversations = append(p.conversations, g.id)
	}
	for _, p := range g.restless {
		p.hears = append(p.hears, g.id)
	}
	w.members[g.id], w.group = staying, g
	return nil
}

// talk tells whether two people have a conversation.
func (w *world) talk(a, b *person) bool {
	for _, members := range w.members {
		if slices.Contains(members, a) && slices.Contains(members, b) {
			return true
		}
	}
	return false
}

// churn has people leave the group and come back, evenly over the time of the sends. Each reads the history
// while they are out and again when they are back. All are there at the end.
func (r *run) churn(ctx context.Context) error {
	g := r.world.group
	if g == nil {
		return nil
	}
	for i := range r.options.Churn {
		p := g.restless[i%len(g.restless)]
		if _, err := r.world.conversations().LeaveGroup(p.as(ctx), &messagev1.LeaveGroupRequest{ConversationId: g.id}); err != nil {
			return fmt.Errorf("%s leaves: %w", p.name, err)
		}
		pause := r.options.Over / time.Duration(2*r.options.Churn)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		if err := r.readGroup(ctx, p, i); err != nil {
			return err
		}
		_, err := r.world.conversations().AddMembers(g.owner.as(ctx), &messagev1.AddMembersRequest{ConversationId: g.id, UserIds: []string{p.id}})
		if err != nil {
			return fmt.Errorf("%s comes back: %w", p.name, err)
		}
		if err := r.readGroup(ctx, p, i); err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) readGroup(ctx context.Context, p *person, gateway int) error {
	e, err := r.world.history(ctx, gateway, p, r.world.group.id, r.clock)
	if err != nil {
		return err
	}
	r.write(e)
	return nil
}

// writeMemberships writes down when the restless were members, by what the server said in the group at those
// moments, as its owner reads it: that does not depend on what the restless were shown.
func (r *run) writeMemberships(ctx context.Context) error {
	g := r.world.group
	if g == nil {
		return nil
	}
	for _, p := range g.restless {
		r.write(ledger.Event{Kind: ledger.Join, Client: p.id, Conv: g.id})
	}
	messages := messagev1connect.NewMessageServiceClient(http.DefaultClient, r.world.gateways[0])
	for after, head := int64(0), int64(1); after < head; {
		page, err := messages.ListMessages(g.owner.as(ctx), &messagev1.ListMessagesRequest{
			ConversationId: g.id, Range: &messagev1.ListMessagesRequest_AfterSeq{AfterSeq: after}, Limit: pageSize,
		})
		if err != nil {
			return fmt.Errorf("read the group: %w", err)
		}
		head = page.GetHead().GetSeq()
		for _, m := range page.GetItems() {
			after = m.GetSeq()
			switch said := m.GetSystem(); said.GetKind() {
			case messagev1.SystemKind_SYSTEM_KIND_JOINED:
				for _, user := range said.GetUserIds() {
					r.write(ledger.Event{Kind: ledger.Join, Client: user, Conv: g.id, Seq: m.GetSeq() - 1})
				}
			case messagev1.SystemKind_SYSTEM_KIND_LEFT:
				r.write(ledger.Event{Kind: ledger.Leave, Client: said.GetActorId(), Conv: g.id, Seq: m.GetSeq()})
			default: // changes no membership
			}
		}
	}
	return nil
}
