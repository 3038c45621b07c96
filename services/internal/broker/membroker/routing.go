// SPDX-License-Identifier: Apache-2.0

package membroker

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/services/internal/broker"
)

// binding of a queue to an exchange.
type binding struct {
	pattern string
	queue   *queue
}

// route finds the queues of a key, each once. It needs the broker's mutex.
func (b *Broker) route(exchange, key string) []*queue {
	var found []*queue
	for _, bound := range b.bindings[exchange] {
		matches := bound.pattern == key ||
			exchange == broker.EventsExchange && topicMatches(strings.Split(bound.pattern, "."), strings.Split(key, "."))
		if matches && !slices.Contains(found, bound.queue) {
			found = append(found, bound.queue)
		}
	}
	return found
}

// bind needs the broker's mutex.
func (b *Broker) bind(q *queue, s broker.Subscription) {
	for _, pattern := range s.RoutingKeys {
		bound := binding{pattern: pattern, queue: q}
		if s.Exchange != "" && !slices.Contains(b.bindings[s.Exchange], bound) {
			b.bindings[s.Exchange] = append(b.bindings[s.Exchange], bound)
		}
	}
}

// remove needs the broker's mutex.
func (b *Broker) remove(q *queue) {
	if b.queues[q.name] == q {
		delete(b.queues, q.name)
	}
	for exchange, list := range b.bindings {
		b.bindings[exchange] = slices.DeleteFunc(list, func(e binding) bool { return e.queue == q })
	}
}

// topicMatches compares word by word: "*" is one word, "#" any number of them.
func topicMatches(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	if pattern[0] == "#" {
		return topicMatches(pattern[1:], key) || len(key) > 0 && topicMatches(pattern, key[1:])
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && topicMatches(pattern[1:], key[1:])
}
