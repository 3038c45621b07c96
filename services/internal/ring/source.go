// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Source is where the ring comes from. Both methods are safe for concurrent use and do not block.
type Source interface {
	// View is the present state; it is the empty ring until something is known.
	View() View
	// Changed is closed at the next change; then ask again. Ask for the channel before the view, or a
	// change between the two is missed.
	Changed() <-chan struct{}
}

// Watched is a Source that learns of its ring from a server, and of pods that end.
type Watched interface {
	Source
	// Known is closed once the server has answered, be it with an empty ring.
	Known() <-chan struct{}
	// Run learns until ctx ends. It does not fail because the server is away; then the view stays.
	Run(ctx context.Context) error
}

// AwaitKnown waits until the ring is known and answers true, or false if ctx ends before. Once, after
// patience, it calls slow.
func AwaitKnown(ctx context.Context, watched Watched, patience time.Duration, slow func()) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-watched.Known():
			return true
		case <-ctx.Done():
			return false
		case <-late.C:
			slow()
		}
	}
}

// StaticSource is a ring that only its owner changes; for one process and for tests.
type StaticSource struct {
	mu      sync.Mutex // guards both
	view    View
	changed chan struct{}
}

// Static makes a source with members.
func Static(members ...Member) *StaticSource {
	return &StaticSource{view: NewView(members), changed: make(chan struct{})}
}

// View is the present state.
func (s *StaticSource) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// Changed is closed at the next Set that changes the ring.
func (s *StaticSource) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Set replaces all members. An equal ring tells nobody.
func (s *StaticSource) Set(members ...Member) {
	view := NewView(members)
	s.mu.Lock()
	defer s.mu.Unlock()
	if view.epoch == s.view.epoch && slices.Equal(view.ending, s.view.ending) {
		return
	}
	s.view = view
	close(s.changed)
	s.changed = make(chan struct{})
}
