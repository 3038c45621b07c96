// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
)

// enterWait is how long a call waits for one of a bounded number of places; chosen, below the deadline of who
// calls.
const enterWait = 5 * time.Second

// Bounds of a method whose calls are larger, or take longer, than those of others.
type Bounds struct {
	// RequestBytes of a request; 0: 1 MiB.
	RequestBytes int64
	// Deadline of a call whose caller names none; 0: 5 s. No call takes more than 30 s.
	Deadline time.Duration
	// Parallel calls; more wait, before anything of their body is read. 0: any number.
	Parallel int
}

// bounds are Bounds with their places.
type bounds struct {
	Bounds

	places chan struct{} // nil: any number
}

func makeBounds(given map[string]Bounds) map[string]bounds {
	made := map[string]bounds{}
	for procedure, b := range given {
		own := bounds{Bounds: b}
		if b.Parallel > 0 {
			own.places = make(chan struct{}, b.Parallel)
		}
		made[procedure] = own
	}
	return made
}

func (s *Server) requestBytes(procedure string) int64 {
	if own := s.bounds[procedure].RequestBytes; own > 0 {
		return own
	}
	return maxMessageBytes
}

// largest request of all methods.
func (s *Server) largest() int {
	limit := int64(maxMessageBytes)
	for _, b := range s.bounds {
		limit = max(limit, b.RequestBytes)
	}
	return int(limit)
}

// enter takes a place, if they are counted; leave gives it back and is never nil.
func (s *Server) enter(r *http.Request) (leave func(), err error) {
	places := s.bounds[r.URL.Path].places
	if places == nil {
		return func() {}, nil
	}
	timer := time.NewTimer(enterWait)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-r.Context().Done():
		return func() {}, r.Context().Err()
	case <-timer.C:
		return func() {}, fault.ErrUnavailable
	}
}
