// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/api/component"
)

// Status of all connections.
type Status struct {
	Publishing    LinkStatus   `json:"publishing"`
	Subscriptions []LinkStatus `json:"subscriptions"` // by name
}

// LinkStatus of one connection.
type LinkStatus struct {
	Name      string `json:"name"`
	Connected bool   `json:"connected"`
	Blocked   bool   `json:"blocked,omitempty"`  // by a memory or disk alarm of the broker
	Conflict  bool   `json:"conflict,omitempty"` // something exists with other arguments than ours
	Error     string `json:"error,omitempty"`    // of the last attempt

	class component.Class // of the last attempt; empty before it
}

// Status of all connections now.
func (b *Broker) Status() Status {
	s := Status{Publishing: b.pub.monitor.status()}
	for _, m := range b.monitors() {
		s.Subscriptions = append(s.Subscriptions, m.status())
	}
	slices.SortFunc(s.Subscriptions, func(x, y LinkStatus) int { return cmp.Compare(x.Name, y.Name) })
	return s
}

// Connected is false while publishing is away or blocked, or a subscription is not bound.
func (b *Broker) Connected() bool {
	for _, m := range append(b.monitors(), b.pub.monitor) {
		if s := m.status(); !s.Connected || s.Blocked {
			return false
		}
	}
	return true
}

// Class of the broker, from the connections that are in use: the worst of them, and empty before the
// first attempt.
func (b *Broker) Class() component.Class {
	var worst component.Class
	for _, m := range append(b.monitors(), b.pub.monitor) {
		class := m.status().class
		if worst == "" || class != "" && class != component.ClassReachable {
			worst = class
		}
	}
	return worst
}

func (b *Broker) monitors() []*monitor {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*monitor, 0, len(b.subs)+1)
	for m := range b.subs {
		list = append(list, m)
	}
	return list
}

// monitor knows how one connection fares, and logs when that changes.
type monitor struct {
	logger *slog.Logger

	mu    sync.Mutex // guards state
	state LinkStatus
}

func newMonitor(logger *slog.Logger, name string) *monitor {
	return &monitor{logger: logger.With("link", name), state: LinkStatus{Name: name}}
}

func (m *monitor) status() LinkStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

func (m *monitor) connected(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = LinkStatus{Name: m.state.Name, Connected: true, class: component.ClassReachable}
	m.logger.InfoContext(ctx, "connected to the broker")
}

// reached says that the broker answers, though the subscription is not bound.
func (m *monitor) reached() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = LinkStatus{Name: m.state.Name, class: component.ClassReachable}
}

// failed tells whether it was connected before. The same error again is not logged again.
func (m *monitor) failed(ctx context.Context, err error) (before bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = m.state.Connected
	text := "unknown"
	if err != nil {
		text = err.Error()
	}
	repeated := !before && m.state.Error == text
	m.state = LinkStatus{Name: m.state.Name, Error: text, Conflict: isConflict(err), class: ClassOf(err)}
	switch {
	case repeated || ctx.Err() != nil:
	case m.state.Conflict:
		m.logger.ErrorContext(ctx, "a queue or exchange exists with other arguments", "error", text)
	default:
		m.logger.WarnContext(ctx, "no connection to the broker", "error", text)
	}
	return before
}

func (m *monitor) blocked(ctx context.Context, blocked bool, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Blocked = blocked
	if blocked {
		m.logger.WarnContext(ctx, "the broker accepts no messages", "reason", reason)
	} else {
		m.logger.InfoContext(ctx, "the broker accepts messages again")
	}
}

// isConflict tells a declaration that does not fit what is there.
func isConflict(err error) bool { return isRefusal(err, amqp.PreconditionFailed) }
