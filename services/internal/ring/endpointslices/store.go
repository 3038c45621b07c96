// SPDX-License-Identifier: Apache-2.0

package endpointslices

import (
	"fmt"
	"sync"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/parley-chat/parley/services/internal/ring"
)

// maxSlices bounds the slices that are kept. A slice holds up to 1,000 endpoints, and the ring has at most
// some hundred seats.
const maxSlices = 64

// store is what the reflector fills: the members of each slice, nothing else of it.
type store struct {
	tell  func(members ...ring.Member)
	known chan struct{}

	mu     sync.Mutex // guards both
	slices map[string][]ring.Member
	listed bool
}

var _ cache.ReflectorStore = (*store)(nil)

// Add takes a slice that is new.
func (s *store) Add(obj any) error { return s.Update(obj) }

// Update takes a slice as it is now.
func (s *store) Update(obj any) error {
	slice, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok {
		return fmt.Errorf("not a slice but a %T", obj)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.put(s.slices, slice); err != nil {
		return err
	}
	s.told()
	return nil
}

// Delete forgets a slice.
func (s *store) Delete(obj any) error {
	slice, ok := obj.(*discoveryv1.EndpointSlice)
	if !ok {
		return fmt.Errorf("not a slice but a %T", obj)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.slices, slice.Name)
	s.told()
	return nil
}

// Replace takes a whole list; it is the first thing that is heard, and what follows a lost watch.
func (s *store) Replace(list []any, _ string) error {
	all := make(map[string][]ring.Member, len(list))
	for _, obj := range list {
		slice, ok := obj.(*discoveryv1.EndpointSlice)
		if !ok {
			return fmt.Errorf("not a slice but a %T", obj)
		}
		if err := s.put(all, slice); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slices = all
	s.told()
	if !s.listed {
		s.listed = true
		close(s.known)
	}
	return nil
}

// Resync has nothing to do: a view that was told stays told.
func (s *store) Resync() error { return nil }

func (s *store) put(all map[string][]ring.Member, slice *discoveryv1.EndpointSlice) error {
	if _, known := all[slice.Name]; !known && len(all) >= maxSlices {
		return fmt.Errorf("more than %d slices of one Service", maxSlices)
	}
	all[slice.Name] = members(slice)
	return nil
}

// told makes one view of all slices.
func (s *store) told() {
	var all []ring.Member
	for _, list := range s.slices {
		all = append(all, list...)
	}
	s.tell(merge(all)...)
}
