// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
)

// login is one device of a person.
type login struct {
	device, token string
}

// person is a user with devices and conversations.
type person struct {
	id, name      string
	logins        []login
	conversations []string
	hears         []string // where the person is and does not write
}

// world is everybody and what they share.
type world struct {
	gateways []string // public base URLs
	people   []*person
	// members of each conversation, those who stay.
	members map[string][]*person
	group   *group // nil: none
}

const password = "quiet harbour, loud machine"

// populate registers n people with devices each and makes everybody a friend of the next one, so that
// there are as many conversations as people, each person in two. For two people there is one.
func populate(ctx context.Context, gateways []string, n, devices int) (*world, error) {
	w := &world{gateways: gateways, members: map[string][]*person{}}
	run := uuid.NewString()[:8]
	for i := range n {
		p, err := w.signUp(ctx, fmt.Sprintf("l%s-%d", run, i), devices)
		if err != nil {
			return nil, err
		}
		w.people = append(w.people, p)
	}
	for i, p := range w.people {
		next := w.people[(i+1)%n]
		if p == next || n == 2 && i == 1 {
			continue
		}
		if err := w.befriend(ctx, p, next); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) signUp(ctx context.Context, name string, devices int) (*person, error) {
	auth := userv1connect.NewAuthServiceClient(http.DefaultClient, w.gateways[0])
	p := &person{name: name}
	for d := range devices {
		device := &userv1.Device{DeviceId: uuid.Must(uuid.NewV7()).String(), Name: fmt.Sprintf("device %d", d)}
		if d == 0 {
			r, err := auth.Register(ctx, &userv1.RegisterRequest{Username: name, Nickname: name, Password: password, Device: device})
			if err != nil {
				return nil, fmt.Errorf("register %s: %w", name, err)
			}
			p.id = r.GetUser().GetUser().GetUserId()
			p.logins = append(p.logins, login{device.GetDeviceId(), r.GetToken()})
			continue
		}
		r, err := auth.Login(ctx, &userv1.LoginRequest{Username: name, Password: password, Device: device})
		if err != nil {
			return nil, fmt.Errorf("log %s in: %w", name, err)
		}
		p.logins = append(p.logins, login{device.GetDeviceId(), r.GetToken()})
	}
	return p, nil
}

func (w *world) befriend(ctx context.Context, a, b *person) error {
	friends := friendv1connect.NewFriendServiceClient(http.DefaultClient, w.gateways[0])
	asked, err := friends.SendRequest(a.as(ctx), &friendv1.SendRequestRequest{
		UserId: b.id, IdempotencyKey: uuid.Must(uuid.NewV7()).String(),
	})
	if err != nil {
		return fmt.Errorf("ask for a friendship: %w", err)
	}
	answered, err := friends.RespondToRequest(b.as(ctx), &friendv1.RespondToRequestRequest{
		RequestId: asked.GetRequest().GetRequestId(), Accept: true,
	})
	if err != nil {
		return fmt.Errorf("accept a friendship: %w", err)
	}
	conversation := answered.GetConversationId()
	if conversation == "" {
		return fmt.Errorf("the friendship of %s and %s opened no conversation", a.name, b.name)
	}
	w.members[conversation] = []*person{a, b}
	a.conversations = append(a.conversations, conversation)
	b.conversations = append(b.conversations, conversation)
	return nil
}

// as makes a context whose calls carry the token of the first device.
func (p *person) as(ctx context.Context) context.Context {
	ctx, info := connect.NewClientContext(ctx)
	info.RequestHeader().Set("Authorization", "Bearer "+p.logins[0].token)
	return ctx
}
