// SPDX-License-Identifier: Apache-2.0

package endpointslices

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/parley-chat/parley/services/internal/ring"
)

// endpoint is a ready pod of a seat; changes make it something else.
func endpoint(hostname, uid, ip string, changes ...func(*discoveryv1.Endpoint)) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{
		Addresses: []string{ip}, Hostname: &hostname, Conditions: conditions(true, true, false),
		TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "pod-" + uid, UID: types.UID(uid)},
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func conditions(ready, serving, terminating bool) discoveryv1.EndpointConditions {
	return discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating}
}

func as(ready, serving, terminating bool) func(*discoveryv1.Endpoint) {
	return func(e *discoveryv1.Endpoint) { e.Conditions = conditions(ready, serving, terminating) }
}

func slice(kind discoveryv1.AddressType, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{AddressType: kind, Endpoints: endpoints}
}

func pod(seat uint32, uid, url string, ready, serving bool) ring.Member {
	return ring.Member{Seat: seat, Pod: "pod-" + uid, UID: uid, URL: url, Ready: ready, Serving: serving}
}

func ends(m ring.Member) ring.Member {
	m.Ending = true
	return m
}

func TestEndpointsBecomeMembers(t *testing.T) {
	t.Parallel()
	const v4, v6 = discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6
	rows := map[string]struct {
		slice *discoveryv1.EndpointSlice
		want  []ring.Member
	}{
		"a ready pod":            {slice(v4, endpoint("seat-0", "a", "10.0.0.1")), []ring.Member{pod(0, "a", "http://10.0.0.1:8081", true, true)}},
		"an address of IPv6":     {slice(v6, endpoint("seat-12", "a", "fd00::1")), []ring.Member{pod(12, "a", "http://[fd00::1]:8081", true, true)}},
		"a pod that drains":      {slice(v4, endpoint("seat-1", "a", "10.0.0.1", as(false, true, true))), []ring.Member{ends(pod(1, "a", "http://10.0.0.1:8081", false, true))}},
		"a pod that has left":    {slice(v4, endpoint("seat-1", "a", "10.0.0.1", as(false, false, true))), []ring.Member{ends(pod(1, "a", "http://10.0.0.1:8081", false, false))}},
		"a pod that is not up":   {slice(v4, endpoint("seat-1", "a", "10.0.0.1", as(false, false, false))), []ring.Member{pod(1, "a", "http://10.0.0.1:8081", false, false)}},
		"terminating wins":       {slice(v4, endpoint("seat-1", "a", "10.0.0.1", as(true, true, true))), []ring.Member{ends(pod(1, "a", "http://10.0.0.1:8081", false, true))}},
		"nothing said is ready":  {slice(v4, endpoint("seat-1", "a", "10.0.0.1", func(e *discoveryv1.Endpoint) { e.Conditions = discoveryv1.EndpointConditions{} })), []ring.Member{pod(1, "a", "http://10.0.0.1:8081", true, true)}},
		"only not ready is said": {slice(v4, endpoint("seat-1", "a", "10.0.0.1", func(e *discoveryv1.Endpoint) { e.Conditions.Ready, e.Conditions.Serving = new(bool), nil })), []ring.Member{pod(1, "a", "http://10.0.0.1:8081", false, false)}},
		"no hostname":            {slice(v4, endpoint("", "a", "10.0.0.1", func(e *discoveryv1.Endpoint) { e.Hostname = nil })), nil},
		"another hostname":       {slice(v4, endpoint("web-0", "a", "10.0.0.1")), nil},
		"a seat with a zero":     {slice(v4, endpoint("seat-01", "a", "10.0.0.1")), nil},
		"a seat with a sign":     {slice(v4, endpoint("seat-+1", "a", "10.0.0.1")), nil},
		"a seat too large":       {slice(v4, endpoint("seat-4294967296", "a", "10.0.0.1")), nil},
		"no pod behind it":       {slice(v4, endpoint("seat-1", "a", "10.0.0.1", func(e *discoveryv1.Endpoint) { e.TargetRef = nil })), nil},
		"a node behind it":       {slice(v4, endpoint("seat-1", "a", "10.0.0.1", func(e *discoveryv1.Endpoint) { e.TargetRef.Kind = "Node" })), nil},
		"a pod without UID":      {slice(v4, endpoint("seat-1", "", "10.0.0.1")), nil},
		"no address":             {slice(v4, endpoint("seat-1", "a", "", func(e *discoveryv1.Endpoint) { e.Addresses = nil })), nil},
		"a name as address":      {slice(v4, endpoint("seat-1", "a", "example.org")), nil},
		"a slice of names":       {slice(discoveryv1.AddressTypeFQDN, endpoint("seat-1", "a", "10.0.0.1")), nil},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, members(row.slice)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSlicesOfOneServiceAreOneRing(t *testing.T) {
	t.Parallel()
	four, six := pod(0, "a", "http://10.0.0.1:8081", true, true), pod(0, "a", "http://[fd00::1]:8081", true, true)
	late, other := ends(pod(0, "a", "http://10.0.0.1:8081", false, true)), pod(1, "b", "http://10.0.0.2:8081", true, true)
	rows := map[string]struct{ all, want []ring.Member }{
		"two families of a pod":     {[]ring.Member{six, other, four}, []ring.Member{four, other}},
		"an endpoint changes slice": {[]ring.Member{four, late}, []ring.Member{late}},
		"no slices":                 {nil, nil},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(row.want, merge(row.all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheStoreIsBounded(t *testing.T) {
	t.Parallel()
	var told []ring.Member
	s := &store{slices: map[string][]ring.Member{}, known: make(chan struct{}), tell: func(m ...ring.Member) { told = m }}
	for i := range maxSlices {
		one := slice(discoveryv1.AddressTypeIPv4, endpoint("seat-0", "a", "10.0.0.1"))
		one.Name = string(rune('A' + i))
		if err := s.Add(one); err != nil {
			t.Fatal(err)
		}
	}
	more := slice(discoveryv1.AddressTypeIPv4, endpoint("seat-1", "b", "10.0.0.2"))
	if err := s.Add(more); err == nil {
		t.Error("one slice too many was taken")
	}
	if err := s.Replace(nil, ""); err != nil || len(told) != 0 {
		t.Errorf("an empty list leaves %v, %v", told, err)
	}
	if err := s.Add("text"); err == nil {
		t.Error("a text is no slice")
	}
}
