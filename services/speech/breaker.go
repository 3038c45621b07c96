// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// When a provider is left alone; chosen: five failures in a row are no bad luck, and ten minutes are soon
// enough to notice that it is back.
const (
	breakAfter   = 5
	minBreak     = 10 * time.Second
	maxBreak     = 10 * time.Minute
	quotaBreak   = 24 * time.Hour
	accountBreak = maxBreak
)

// breaker spares a provider that fails everybody. After a pause one call may try.
type breaker struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	failed  int        // in a row
	pause   time.Duration
	until   time.Time // no calls before; zero: it is closed
	trying  bool      // the one call is under way
	quota   bool      // open because a day's budget is used up
	changed chan struct{}
}

func newBreaker(now func() time.Time) *breaker {
	return &breaker{now: now, changed: make(chan struct{})}
}

// enter lets a call through, or tells why not and after what time to ask again. Every call that was let
// through must leave.
func (b *breaker) enter() (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return false, nil
	}
	left := b.until.Sub(b.now())
	if left <= 0 && !b.trying {
		b.trying = true
		return true, nil
	}
	left = max(left, time.Second)
	if b.quota {
		return false, ErrQuotaExceeded.After(left)
	}
	return false, ErrUnavailable.After(left).Because(errOpen)
}

var errOpen = errors.New("the provider failed too often and is left alone")

// leave takes the outcome of a call.
func (b *breaker) leave(ctx context.Context, probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.trying = false
		defer b.tell()
	}
	quota := errors.Is(err, ErrQuotaExceeded)
	switch {
	case err == nil || errors.Is(err, ErrAudioUnfit):
		if b.failed, b.pause = 0, 0; !b.until.IsZero() {
			b.until, b.quota = time.Time{}, false
			b.tell()
		}
		return
	case errors.Is(ctx.Err(), context.Canceled):
		return // nobody waited for the answer
	case quota:
		known, _ := fault.Of(err)
		b.open(min(orElse(known.RetryAfter(), quotaBreak), quotaBreak))
	case errors.Is(err, ErrAccount):
		b.open(accountBreak)
	default:
		if b.failed++; b.failed >= breakAfter || probe {
			b.pause = min(max(2*b.pause, minBreak), maxBreak)
			b.open(b.pause)
		}
	}
	b.quota = quota
}

func (b *breaker) open(d time.Duration) { b.until = b.now().Add(d) }

// tell wakes whoever waits.
func (b *breaker) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// wait returns when it is worth to enter again, or with the error of ctx.
func (b *breaker) wait(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	changed := b.changed
	b.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-timer.C:
	}
	return nil
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}
