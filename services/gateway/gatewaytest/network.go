// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Network joins the hubs of several pods: it is their ring, their way to other registries, and their
// courier. Users are at home where a test says, else at the first ready pod.
type Network struct {
	mu      sync.Mutex // guards everything below
	hubs    map[string]*gateway.Hub
	members []gateway.Member
	left    []string // pods that ended and have left the ring
	homes   map[ids.UserID]string
	silent  map[string]bool
	slow    map[string]time.Duration
	lose    func(pod string) bool
	changed chan struct{}
	sent    []Transfer
}

// Transfer is one delivery that a courier took over.
type Transfer struct {
	Pod       string
	Delivery  gateway.Delivery
	Forwarded bool
}

// NewNetwork has no pods.
func NewNetwork() *Network {
	return &Network{
		hubs: map[string]*gateway.Hub{}, homes: map[ids.UserID]string{}, silent: map[string]bool{},
		slow: map[string]time.Duration{}, changed: make(chan struct{}),
	}
}

// Join adds a ready pod.
func (n *Network) Join(pod string, hub *gateway.Hub) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hubs[pod] = hub
	n.members = append(slices.Clone(n.members), gateway.Member{
		Seat: uint32(len(n.members)), Pod: pod, URL: "http://" + pod, Ready: true,
	})
	n.tell()
}

// SetHome moves a user to a pod; an unknown pod means that the user has none.
func (n *Network) SetHome(user ids.UserID, pod string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.homes[user] = pod
	n.tell()
}

// SetReady makes a pod ready, or one that ends and still serves.
func (n *Network) SetReady(pod string, ready bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = slices.Clone(n.members)
	for i := range n.members {
		if n.members[i].Pod == pod {
			n.members[i].Ready = ready
		}
	}
	n.tell()
}

// Leave takes a pod that ends out of the ring.
func (n *Network) Leave(pod string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = append(slices.Clone(n.left), pod)
	n.members = slices.DeleteFunc(slices.Clone(n.members), func(m gateway.Member) bool { return m.Pod == pod })
	n.tell()
}

// SetSilent makes a pod's registry not answer to other pods.
func (n *Network) SetSilent(pod string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[pod] = silent
}

// SetSlow makes the answers of a pod's registry travel for a while.
func (n *Network) SetSlow(pod string, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow[pod] = d
}

// SetLoss makes couriers lose deliveries without telling, whenever lose says so for the other pod; nil ends that. Lose is called with a lock held.
func (n *Network) SetLoss(lose func(pod string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = lose
}

// Transfers removes and answers what couriers took over.
func (n *Network) Transfers() []Transfer {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := n.sent
	n.sent = nil
	return sent
}

func (n *Network) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// View is the ring now.
func (n *Network) View() gateway.View {
	n.mu.Lock()
	defer n.mu.Unlock()
	return view{members: n.members, left: n.left, homes: maps.Clone(n.homes)}
}

// Changed is closed at the next change.
func (n *Network) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// Register calls the hub of another pod; a silent one answers nothing until ctx ends.
func (n *Network) Register(
	ctx context.Context, home gateway.Member, holder string, items []gateway.Registration,
) ([]gateway.Registered, error) {
	n.mu.Lock()
	hub, silent, slow := n.hubs[home.Pod], n.silent[home.Pod], n.slow[home.Pod]
	n.mu.Unlock()
	if silent || hub == nil {
		<-ctx.Done()
		return nil, fault.ErrUnavailable.Because(ctx.Err())
	}
	results := hub.Register(holder, items)
	select {
	case <-time.After(slow):
		return results, nil
	case <-ctx.Done():
		return nil, fault.ErrUnavailable.Because(ctx.Err())
	}
}

// Watch calls the hub of another pod; a silent one answers nothing until ctx ends.
func (n *Network) Watch(ctx context.Context, home gateway.Member, holder string, users []ids.UserID) ([]gateway.Watched, error) {
	n.mu.Lock()
	hub, silent := n.hubs[home.Pod], n.silent[home.Pod]
	n.mu.Unlock()
	if silent || hub == nil {
		<-ctx.Done()
		return nil, fault.ErrUnavailable.Because(ctx.Err())
	}
	return hub.Watch(holder, users), nil
}

// Send brings a delivery to the hub of another pod at once.
func (n *Network) Send(pod string, d gateway.Delivery, forwarded bool) {
	n.mu.Lock()
	n.sent = append(n.sent, Transfer{Pod: pod, Delivery: d, Forwarded: forwarded})
	hub := n.hubs[pod]
	if n.lose != nil && n.lose(pod) {
		hub = nil
	}
	n.mu.Unlock()
	if hub != nil {
		hub.Deliver([]gateway.Delivery{d}, forwarded)
	}
}

// Hole tells the hub of another pod that something forwarded was lost.
func (n *Network) Hole(pod string) {
	n.mu.Lock()
	hub := n.hubs[pod]
	if n.lose != nil && n.lose(pod) {
		hub = nil
	}
	n.mu.Unlock()
	if hub != nil {
		hub.EnvelopeLost(true)
	}
}

// view is one state of the ring.
type view struct {
	members []gateway.Member
	left    []string
	homes   map[ids.UserID]string
}

// Home is where a test said, else the first ready pod.
func (v view) Home(user ids.UserID) (gateway.Member, bool) {
	if len(v.members) == 0 {
		return gateway.Member{}, false
	}
	pod, set := v.homes[user]
	if !set {
		return v.first(), true
	}
	for _, m := range v.members {
		if m.Pod == pod {
			return m, true
		}
	}
	return gateway.Member{}, false
}

// first is the first ready pod, else the first.
func (v view) first() gateway.Member {
	for _, m := range v.members {
		if m.Ready {
			return m
		}
	}
	return v.members[0]
}

// IsHome tells whether a test has sent users to a pod, or whether it is the home of the others.
func (v view) IsHome(pod string) bool {
	if len(v.members) > 0 && v.first().Pod == pod {
		return true
	}
	for _, home := range v.homes {
		if home == pod {
			return true
		}
	}
	return false
}

// Ending are the pods that are not ready, and those that have left.
func (v view) Ending() []string {
	ending := slices.Clone(v.left)
	for _, m := range v.members {
		if !m.Ready {
			ending = append(ending, m.Pod)
		}
	}
	return ending
}

// Members are all pods.
func (v view) Members() []gateway.Member { return slices.Clone(v.members) }
