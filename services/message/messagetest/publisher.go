// SPDX-License-Identifier: Apache-2.0

package messagetest

import (
	"slices"
	"sync"

	"github.com/parley-chat/parley/services/message"
)

// Publisher remembers what was published. It is safe for concurrent use.
type Publisher struct {
	mu     sync.Mutex // guards events
	events []message.Event
}

// Publish implements message.Publisher.
func (p *Publisher) Publish(events ...message.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
}

// Events lists what was published so far.
func (p *Publisher) Events() []message.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}
