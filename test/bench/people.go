// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	"github.com/parley-chat/parley/api/gen/parley/friend/v1/friendv1connect"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
)

// setupAtOnce bounds the calls that register people; each costs one password hash of the server.
const setupAtOnce = 4

// person is one registered user.
type person struct {
	id, token, device string
	gateway           int // seat of the gateway to which the sessions go
}

// pair is two friends and their conversation.
type pair struct {
	people       [2]person
	conversation string
}

// register makes n pairs of friends through the public door, a few at once.
func register(ctx context.Context, c command) ([]pair, error) {
	pairs := make([]pair, c.Pairs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(setupAtOnce)
	run := uuid.NewString()[:8]
	for i := range pairs {
		group.Go(func() error {
			p, err := befriend(ctx, c, run, i)
			pairs[i] = p
			return err
		})
	}
	return pairs, group.Wait()
}

func befriend(ctx context.Context, c command, run string, i int) (pair, error) {
	var p pair
	for side := range p.people {
		one, err := signUp(ctx, c, fmt.Sprintf("b%s-%d-%d", run, i, side))
		if err != nil {
			return p, err
		}
		one.gateway = (i + side) % len(c.Gateways)
		if c.Placement == "home" {
			one.gateway = home(one.id, len(c.Gateways))
		}
		p.people[side] = one
	}
	friends := friendv1connect.NewFriendServiceClient(http.DefaultClient, c.Gateways[0])
	asked, err := friends.SendRequest(as(ctx, p.people[0]), &friendv1.SendRequestRequest{
		UserId: p.people[1].id, IdempotencyKey: uuid.Must(uuid.NewV7()).String(),
	})
	if err != nil {
		return p, fmt.Errorf("ask for a friendship: %w", err)
	}
	answered, err := friends.RespondToRequest(as(ctx, p.people[1]), &friendv1.RespondToRequestRequest{
		RequestId: asked.GetRequest().GetRequestId(), Accept: true,
	})
	if err != nil {
		return p, fmt.Errorf("accept a friendship: %w", err)
	}
	p.conversation = answered.GetConversationId()
	if p.conversation == "" {
		return p, fmt.Errorf("friendship %d opened no conversation at once", i)
	}
	return p, nil
}

// signUp registers from an address of its own: calls without a token are bounded for each address.
func signUp(ctx context.Context, c command, name string) (person, error) {
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: openTimeout, LocalAddr: sourceAddress()}).DialContext}
	defer transport.CloseIdleConnections()
	auth := userv1connect.NewAuthServiceClient(&http.Client{Transport: transport}, c.Gateways[0])
	device := uuid.Must(uuid.NewV7()).String()
	r, err := auth.Register(ctx, &userv1.RegisterRequest{
		Username: name, Nickname: name, Password: "bench " + name + " correct horse", Device: &userv1.Device{DeviceId: device},
	})
	if err != nil {
		return person{}, fmt.Errorf("register %s: %w", name, err)
	}
	return person{id: r.GetUser().GetUser().GetUserId(), token: r.GetToken(), device: device}, nil
}

// as makes a context whose calls carry a person's token.
func as(ctx context.Context, p person) context.Context {
	ctx, info := connect.NewClientContext(ctx)
	info.RequestHeader().Set("Authorization", "Bearer "+p.token)
	return ctx
}

// home is the seat that rendezvous hashing gives a user: the highest xxh3 over the 16 bytes of the user id
// and the big-endian seat, the lower seat where two are equal.
func home(userID string, seats int) int {
	id := uuid.MustParse(userID)
	best, weight := 0, uint64(0)
	for seat := range seats {
		key := binary.BigEndian.AppendUint32(id[:], uint32(seat))
		if w := xxh3.Hash(key); w > weight {
			best, weight = seat, w
		}
	}
	return best
}
