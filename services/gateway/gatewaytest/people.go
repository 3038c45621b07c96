// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// People is gateway.People: everybody may see whom a test names.
type People struct {
	mu      sync.Mutex // guards everything below
	visible map[ids.UserID][]ids.UserID
	fail    error
	slow    time.Duration
	asked   int
}

var _ gateway.People = (*People)(nil)

// NewPeople lets nobody see anybody.
func NewPeople() *People { return &People{visible: map[ids.UserID][]ids.UserID{}} }

// SetVisible says whom a viewer may see from now on.
func (f *People) SetVisible(viewer ids.UserID, users ...ids.UserID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.visible[viewer] = users
}

// Fail makes every call answer an error; nil ends that.
func (f *People) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// SetSlow makes the answers travel for a while.
func (f *People) SetSlow(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = d
}

// Asked counts the calls.
func (f *People) Asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// VisibleTo answers SetVisible.
func (f *People) VisibleTo(ctx context.Context, viewer ids.UserID, users []ids.UserID) ([]ids.UserID, error) {
	f.mu.Lock()
	f.asked++
	slow := f.slow
	f.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	return slices.DeleteFunc(slices.Clone(users), func(u ids.UserID) bool { return !slices.Contains(f.visible[viewer], u) }), nil
}
