// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of rates, each per second with a burst, and of what goes on at once, in this pod alone. Chosen; no evidence.
type Limits struct {
	// PublicRate and PublicBurst bound calls without a token per address; 20 and 100 if zero.
	PublicRate  float64
	PublicBurst int
	// UserRate and UserBurst bound calls per user; 50 and 200 if zero.
	UserRate  float64
	UserBurst int
	// SendRate and SendBurst bound the messages that one user sends by calls; those of gateway.DefaultLimits if zero.
	SendRate  float64
	SendBurst int
	// FailedRate and FailedBurst bound refused tokens per address; 2 and 50 if zero.
	FailedRate  float64
	FailedBurst int
	// Uploads and Downloads bound what one user has under way at once; 6 and 12 if zero.
	Uploads   int
	Downloads int
}

// maxBuckets bounds each table. A bucket that falls out starts full again, which costs one burst.
const maxBuckets = 1 << 16

// buckets are limiters by key.
type buckets[K comparable] struct {
	name  string // of the limit, for refusals
	limit rate.Limit
	burst int
	now   func() time.Time
	table *lru.Cache[K, *rate.Limiter]
}

func newBuckets[K comparable](name string, perSecond float64, burst int, now func() time.Time) (*buckets[K], error) {
	table, err := lru.New[K, *rate.Limiter](maxBuckets)
	if err != nil {
		return nil, fmt.Errorf("table of limiters: %w", err)
	}
	return &buckets[K]{name, rate.Limit(perSecond), burst, now, table}, nil
}

func (b *buckets[K]) of(key K) *rate.Limiter {
	if l, ok := b.table.Get(key); ok {
		return l
	}
	fresh := rate.NewLimiter(b.limit, b.burst)
	if l, ok, _ := b.table.PeekOrAdd(key, fresh); ok {
		return l
	}
	return fresh
}

// take uses one up, or tells when the next is there.
func (b *buckets[K]) take(key K) error {
	l, now := b.of(key), b.now()
	if l.AllowN(now, 1) {
		return nil
	}
	return b.refusal(l, now)
}

// look refuses where nothing is left, without using anything up.
func (b *buckets[K]) look(key K) error {
	l, now := b.of(key), b.now()
	if l.TokensAt(now) >= 1 {
		return nil
	}
	return b.refusal(l, now)
}

func (b *buckets[K]) refusal(l *rate.Limiter, now time.Time) error {
	missing := 1 - l.TokensAt(now)
	return gateway.ErrRateLimited.With("limit", b.name).After(time.Duration(missing / float64(b.limit) * float64(time.Second)))
}

// rates are the limits of this pod.
type rates struct {
	publics  *buckets[string]
	users    *buckets[ids.UserID]
	sends    *buckets[ids.UserID]
	failures *buckets[string]
}

func newRates(l Limits, now func() time.Time) (*rates, error) {
	if l.PublicRate == 0 {
		l.PublicRate, l.PublicBurst = 20, 100
	}
	if l.UserRate == 0 {
		l.UserRate, l.UserBurst = 50, 200
	}
	if l.SendRate == 0 {
		byFrame := gateway.DefaultLimits()
		l.SendRate, l.SendBurst = byFrame.SendsPerSecond, byFrame.SendsBurst
	}
	if l.FailedRate == 0 {
		l.FailedRate, l.FailedBurst = 2, 50
	}
	var r rates
	var err error
	if r.publics, err = newBuckets[string]("public_calls_of_address", l.PublicRate, l.PublicBurst, now); err != nil {
		return nil, err
	}
	if r.users, err = newBuckets[ids.UserID]("calls_of_user", l.UserRate, l.UserBurst, now); err != nil {
		return nil, err
	}
	if r.sends, err = newBuckets[ids.UserID]("sends_of_user", l.SendRate, l.SendBurst, now); err != nil {
		return nil, err
	}
	if r.failures, err = newBuckets[string]("refused_tokens_of_address", l.FailedRate, l.FailedBurst, now); err != nil {
		return nil, err
	}
	return &r, nil
}

func (r *rates) public(client string) error { return r.publics.take(site(client)) }

func (r *rates) user(user ids.UserID) error { return r.users.take(user) }

func (r *rates) send(user ids.UserID) error { return r.sends.take(user) }

func (r *rates) mayFail(client string) error { return r.failures.look(site(client)) }

func (r *rates) failed(client string) { _ = r.failures.take(site(client)) }

// site is what one customer of a network has: an IPv4 address, or an IPv6 /64.
func site(client string) string {
	a, err := netip.ParseAddr(client)
	if err != nil || a.Is4() {
		return client
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return client
	}
	return prefix.String()
}
