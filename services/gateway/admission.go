// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"time"
)

// admission decides at once whether a connection may start.
type admission struct {
	limits Limits
	now    func() time.Time

	mu         sync.Mutex // guards everything below
	total      int
	addresses  map[string]*crowd
	handshakes bucket
	draining   bool
}

// crowd counts the connections of one address.
type crowd struct{ all, halfOpen int }

// Ticket is the place of one connection; its holder releases it when the connection has ended.
type Ticket struct {
	admission *admission
	address   string
	halfOpen  bool // guarded by admission.mu
	released  bool // guarded by admission.mu
}

// admit takes a place. An empty address is not counted on its own. ErrDraining, ErrFull, ErrRateLimited
// or ErrAddressBusy if there is none.
func (a *admission) admit(address string) (*Ticket, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.draining:
		return nil, ErrDraining
	case a.total >= a.limits.Sessions:
		return nil, ErrFull
	}
	c := a.addresses[address]
	if c == nil {
		c = &crowd{}
	}
	if address != "" && (c.all >= a.limits.SessionsPerAddress || c.halfOpen >= a.limits.HalfOpenPerAddress) {
		return nil, ErrAddressBusy
	}
	if wait, ok := a.handshakes.take(a.now(), a.limits.HandshakesPerSec, max(1, int(a.limits.HandshakesPerSec))); !ok {
		return nil, ErrRateLimited.After(wait)
	}
	a.total++
	c.all++
	c.halfOpen++
	a.addresses[address] = c
	return &Ticket{admission: a, address: address, halfOpen: true}, nil
}

func (a *admission) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}

// authenticated tells that the connection is no longer half open.
func (t *Ticket) authenticated() {
	t.admission.mu.Lock()
	defer t.admission.mu.Unlock()
	t.settle()
}

func (t *Ticket) settle() {
	if t.halfOpen {
		t.halfOpen = false
		if c := t.admission.addresses[t.address]; c != nil {
			c.halfOpen--
		}
	}
}

// Release gives the place back. Further calls do nothing.
func (t *Ticket) Release() {
	a := t.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.released {
		return
	}
	t.settle()
	t.released = true
	a.total--
	if c := a.addresses[t.address]; c != nil {
		if c.all--; c.all == 0 {
			delete(a.addresses, t.address)
		}
	}
}
