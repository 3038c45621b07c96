// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// record is what the operator remembers of a ChatCluster from pass to pass. Nothing that a pass writes to
// children hangs on it, but for when a seat may go: losing it costs ten minutes of patience, a second
// Event, or a value of a metric.
type record struct {
	uid types.UID
	// scaling is the memory of the gateway's autoscaling.
	scaling rollout.Memory
	// replicas that the spec asked for where an autoscaler has the count.
	replicas map[component.Name]int32
	// hashes of the bindings by reader.
	hashes map[component.Name]string
	// unknown annotations, and autoscalers that do not work.
	unknown, inactive []string
	// passes that were seen.
	passes int
	// wave that goes on, and since when; the zero time if it was begun by another operator.
	wave      string
	waveSince time.Time
	// progressAt is when the progress of a rebuild was written last.
	progressAt time.Time
	// state and remaining sessions of drains are what metrics show.
	state     string
	remaining int
}

// memory holds the records of all ChatClusters. Passes of one object never overlap, those of several do.
type memory struct {
	mu      sync.Mutex
	records map[types.NamespacedName]*record
}

// of answers the record of an object; one that was made anew begins anew.
func (m *memory) of(key types.NamespacedName, uid types.UID) *record {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = map[types.NamespacedName]*record{}
	}
	if m.records[key] == nil || m.records[key].uid != uid {
		m.records[key] = &record{uid: uid}
	}
	return m.records[key]
}

// show writes down what metrics tell of an object, and answers the counts by state and the sum of all
// remaining sessions.
func (m *memory) show(of *record, state string, remaining int) (states map[string]int, sessions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of.state, of.remaining = state, remaining
	return m.sum()
}

// forget an object that is gone.
func (m *memory) forget(key types.NamespacedName) (states map[string]int, sessions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, key)
	return m.sum()
}

func (m *memory) sum() (states map[string]int, sessions int) {
	states = map[string]int{}
	for known := range maps.Values(m.records) {
		if known.state != "" {
			states[known.state]++
		}
		sessions += known.remaining
	}
	return states, sessions
}

// newIn lists what is in now and was not in before.
func newIn(before, now []string) []string {
	return slices.DeleteFunc(slices.Clone(now), func(name string) bool { return slices.Contains(before, name) })
}
