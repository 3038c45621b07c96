// SPDX-License-Identifier: Apache-2.0

// Package transmittest holds small implementations of the ports of transmit.
//
// All of them are safe for concurrent use.
package transmittest

import (
	"context"
	"maps"
	"sync"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/transmit"
)

// Ring is a ring that a test moves by hand. The zero value has no members.
type Ring struct {
	mu    sync.Mutex // guards what follows
	epoch uint64
	homes map[ids.UserID]string
}

// Move gives a user a home, the empty pod takes it away, and starts a new epoch.
func (r *Ring) Move(user ids.UserID, pod string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	homes := map[ids.UserID]string{}
	maps.Copy(homes, r.homes)
	homes[user] = pod
	r.epoch++
	r.homes = homes
}

// Spread gives users homes on pods in turn, in one new epoch.
func (r *Ring) Spread(users []ids.UserID, pods ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	homes := map[ids.UserID]string{}
	maps.Copy(homes, r.homes)
	for i, user := range users {
		homes[user] = pods[i%len(pods)]
	}
	r.epoch++
	r.homes = homes
}

// View is the ring as it is now.
func (r *Ring) View() transmit.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return view{r.epoch, r.homes}
}

type view struct {
	epoch uint64
	homes map[ids.UserID]string
}

func (v view) Epoch() uint64 { return v.epoch }

func (v view) Home(user ids.UserID) (string, bool) {
	pod := v.homes[user]
	return pod, pod != ""
}

// Friends answers fixed lists.
type Friends struct {
	mu   sync.Mutex // guards what follows
	of   map[ids.UserID][]ids.UserID
	away bool
}

// Befriend sets the friends of a user.
func (f *Friends) Befriend(user ids.UserID, friends ...ids.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[ids.UserID][]ids.UserID{}
	}
	f.of[user] = friends
}

// SetAway makes the friend service unavailable, or available again.
func (f *Friends) SetAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// FriendIDs answers the list that was set.
func (f *Friends) FriendIDs(ctx context.Context, user ids.UserID) ([]ids.UserID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away || ctx.Err() != nil {
		return nil, fault.ErrUnavailable
	}
	return f.of[user], nil
}

// Groups answers fixed lists.
type Groups struct {
	mu    sync.Mutex // guards what follows
	at    map[transmit.Membership][]ids.UserID
	away  bool
	asked int
}

// Set sets the members of a group at a version.
func (g *Groups) Set(m transmit.Membership, members ...ids.UserID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at == nil {
		g.at = map[transmit.Membership][]ids.UserID{}
	}
	g.at[m] = members
}

// SetAway makes the message service unavailable, or available again.
func (g *Groups) SetAway(away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
}

// Asked is how often the message service was asked.
func (g *Groups) Asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// Members answers the list that was set.
func (g *Groups) Members(ctx context.Context, m transmit.Membership) ([]ids.UserID, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if g.away || ctx.Err() != nil {
		return nil, fault.ErrUnavailable
	}
	return g.at[m], nil
}

// Sent is one delivery that a Courier took over.
type Sent struct {
	Pod      string
	Delivery transmit.Delivery
}

// Courier records deliveries. Outcome, if set, gives the error of each; it is called at once.
type Courier struct {
	Outcome func(pod string, d transmit.Delivery) error

	mu   sync.Mutex // guards sent
	sent []Sent
}

// Deliver records the delivery and settles it.
func (c *Courier) Deliver(ctx context.Context, pod string, d transmit.Delivery, settled func(error)) {
	err := ctx.Err()
	if err == nil && c.Outcome != nil {
		err = c.Outcome(pod, d)
	}
	if err == nil {
		c.mu.Lock()
		c.sent = append(c.sent, Sent{pod, d})
		c.mu.Unlock()
	}
	settled(err)
}

// Sent lists what was delivered, in order.
func (c *Courier) Sent() []Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Sent(nil), c.sent...)
}
