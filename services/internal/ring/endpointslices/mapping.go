// SPDX-License-Identifier: Apache-2.0

package endpointslices

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/ring"
)

// seatPrefix stands before the seat in the hostname of a pod.
const seatPrefix = "seat-"

// members are the gateways of one slice. Endpoints that are no pod of a seat are left out.
func members(slice *discoveryv1.EndpointSlice) []ring.Member {
	if slice.AddressType != discoveryv1.AddressTypeIPv4 && slice.AddressType != discoveryv1.AddressTypeIPv6 {
		return nil
	}
	var list []ring.Member
	for i := range slice.Endpoints {
		if m, ok := member(&slice.Endpoints[i]); ok {
			list = append(list, m)
		}
	}
	return list
}

func member(e *discoveryv1.Endpoint) (ring.Member, bool) {
	seat, ok := seatOf(e.Hostname)
	if !ok || e.TargetRef == nil || e.TargetRef.Kind != "Pod" || e.TargetRef.Name == "" || e.TargetRef.UID == "" || len(e.Addresses) == 0 {
		return ring.Member{}, false
	}
	ip, err := netip.ParseAddr(e.Addresses[0])
	if err != nil {
		return ring.Member{}, false
	}
	// A condition that is not said means ready, serving and not terminating.
	ready := e.Conditions.Ready == nil || *e.Conditions.Ready
	terminating := e.Conditions.Terminating != nil && *e.Conditions.Terminating
	serving := ready
	if e.Conditions.Serving != nil {
		serving = *e.Conditions.Serving
	}
	return ring.Member{
		Seat: seat, Pod: e.TargetRef.Name, UID: string(e.TargetRef.UID),
		URL:   "http://" + net.JoinHostPort(ip.String(), strconv.Itoa(component.RPCPort)),
		Ready: ready && !terminating, Serving: serving, Ending: terminating,
	}, true
}

// seatOf reads "seat-<k>", in the one way in which a number is written.
func seatOf(hostname *string) (uint32, bool) {
	if hostname == nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(*hostname, seatPrefix)
	seat, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || strconv.FormatUint(seat, 10) != digits {
		return 0, false
	}
	return uint32(seat), true
}

// merge joins what several slices say of one pod: with two address families, or while an endpoint moves
// from one slice to another, it is in two. One that says "not ready" is the newer one where pods end; the
// lower address wins, IPv4 first, so that every process chooses the same.
func merge(all []ring.Member) []ring.Member {
	slices.SortFunc(all, func(a, b ring.Member) int {
		return cmp.Or(cmp.Compare(a.UID, b.UID), compareAddresses(a.URL, b.URL))
	})
	var merged []ring.Member
	for _, m := range all {
		last := len(merged) - 1
		if last < 0 || merged[last].UID != m.UID {
			merged = append(merged, m)
			continue
		}
		merged[last].Ready = merged[last].Ready && m.Ready
		merged[last].Serving = merged[last].Serving || m.Serving
		merged[last].Ending = merged[last].Ending || m.Ending
	}
	return merged
}

func compareAddresses(a, b string) int {
	six := func(url string) int { return strings.Count(url, "[") }
	return cmp.Or(cmp.Compare(six(a), six(b)), cmp.Compare(a, b))
}
