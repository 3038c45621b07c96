// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"fmt"
	"strings"
)

// Validate tells ErrInvalid for a message that no broker can take.
func (m Message) Validate() error {
	if m.Exchange != EventsExchange && m.Exchange != DeliverExchange {
		return fmt.Errorf("exchange %q: %w", m.Exchange, ErrInvalid)
	}
	return nil
}

// Normalized is the subscription with its defaults, or ErrInvalid.
func (s Subscription) Normalized() (Subscription, error) {
	switch {
	case s.Queue == "" && s.Name == "":
		return s, fmt.Errorf("neither queue nor name: %w", ErrInvalid)
	case s.Exchange != "" && s.Exchange != EventsExchange && s.Exchange != DeliverExchange:
		return s, fmt.Errorf("exchange %q: %w", s.Exchange, ErrInvalid)
	case s.Exchange != "" && len(s.RoutingKeys) == 0:
		return s, fmt.Errorf("no routing key: %w", ErrInvalid)
	case s.Anew != nil && (!s.Durable() || s.IsDead()):
		return s, fmt.Errorf("a queue that goes with its subscription, or of dead letters, does not begin anew: %w", ErrInvalid)
	case s.MaxLength < 0 || s.MaxLength > 0 && !s.Durable():
		return s, fmt.Errorf("a bound of %d: %w", s.MaxLength, ErrInvalid)
	}
	if s.Prefetch <= 0 {
		s.Prefetch = DefaultPrefetch
	}
	s.Prefetch = min(s.Prefetch, MaxPrefetch)
	if s.MaxBytes <= 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	if s.TTL <= 0 {
		s.TTL = DefaultTTL
	}
	return s, nil
}

// Durable tells a queue that outlives its subscriptions.
func (s Subscription) Durable() bool { return s.Queue != "" }

// IsDead tells a dead-letter queue, which has none of its own.
func (s Subscription) IsDead() bool { return strings.HasSuffix(s.Queue, DeadSuffix) }
