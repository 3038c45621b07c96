// SPDX-License-Identifier: Apache-2.0

package indexer

// Cause says why an index lacks texts; empty if nobody knows of one.
type Cause string

// The causes.
const (
	// Overflow: too many events waited.
	Overflow Cause = "Overflow"
	// Uncollected: the queue of events was not there.
	Uncollected Cause = "Uncollected"
)

// Standing is how an index is. People search only one that is whole.
type Standing struct {
	Whole   bool
	Cause   Cause // why it was withdrawn
	Written int   // texts of the fill that goes on
}

// Standing answers how the index was when the Keeper looked last; nil before that.
func (x *Indexer) Standing() *Standing {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.standing == nil {
		return nil
	}
	last := *x.standing
	return &last
}

// lose remembers why events are lost, and tells whether that was known.
func (x *Indexer) lose(cause Cause) (before bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cause = cause
	return x.missed.Swap(true)
}

// stand changes the standing. What was withdrawn stays so until it is whole.
func (x *Indexer) stand(change func(s *Standing, cause Cause)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.standing == nil {
		x.standing = &Standing{}
	}
	change(x.standing, x.cause)
	value := 0.0
	if x.standing.Whole {
		value, x.standing.Cause, x.standing.Written = 1, "", 0
	}
	x.metrics.whole.Set(value)
}
