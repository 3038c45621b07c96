// SPDX-License-Identifier: Apache-2.0

package transmit

import "sync"

// tally counts the open deliveries of one call of Forward and reports once.
type tally struct {
	settled func(error)

	mu   sync.Mutex // guards what follows
	open int
	err  error
}

// add opens n more deliveries; the caller holds at least one open itself.
func (t *tally) add(n int) {
	t.mu.Lock()
	t.open += n
	t.mu.Unlock()
}

// done closes one; the last one reports the first error.
func (t *tally) done(err error) {
	t.mu.Lock()
	t.open--
	if t.err == nil {
		t.err = err
	}
	last, result := t.open == 0, t.err
	t.mu.Unlock()
	if last {
		t.settled(result)
	}
}
