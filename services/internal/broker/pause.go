// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"math/rand/v2"
	"time"
)

// RetryPause says how long deliveries that asked for Retry are held back. All that ask while others are
// held share a pause; the next round waits twice as long, until something is acknowledged. It is for
// adapters, and not safe for concurrent use.
type RetryPause struct {
	next time.Duration // 0: MinRetryPause
	held int
}

// Hold starts a pause and returns its length. Release must follow.
func (p *RetryPause) Hold() time.Duration {
	p.held++
	return max(p.next, MinRetryPause)
}

// Release ends a pause.
func (p *RetryPause) Release() {
	p.held--
	if p.held == 0 {
		p.next = min(2*max(p.next, MinRetryPause), MaxRetryPause)
	}
}

// Reset says that a delivery was acknowledged.
func (p *RetryPause) Reset() { p.next = 0 }

// Backoff between attempts to connect, from 100 ms to 5 s, with jitter so that the processes of a cluster
// do not come back at once. It is not safe for concurrent use.
type Backoff struct{ step time.Duration }

const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// Next pause; it lies between a half and the whole of a step that doubles.
func (b *Backoff) Next() time.Duration {
	b.step = min(max(2*b.step, minBackoff), maxBackoff)
	half := int64(b.step / 2)
	return time.Duration(half + rand.Int64N(half+1)) //nolint:gosec // spreads load, guards nothing
}

// Reset after a success.
func (b *Backoff) Reset() { b.step = 0 }
