// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Member is a gateway pod.
type Member struct {
	// Seat is the lasting number of the replica that the pod serves.
	Seat uint32
	// Pod is the pod's name, the routing key of what is meant for it.
	Pod string
	// UID tells two pods of one seat apart and orders them.
	UID string
	// URL is the base address of the pod's internal RPC, for example http://10.1.2.3:8081.
	URL string
	// Ready is false for a pod that terminates or fails its probe.
	Ready bool
	// Serving is true for a ready pod, and for a terminating one that still serves.
	Serving bool
	// Ending is true for a terminating pod, whether it serves or not.
	Ending bool
}

func compareMembers(a, b Member) int {
	return cmp.Or(
		cmp.Compare(a.Seat, b.Seat),
		cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Pod, b.Pod),
		cmp.Compare(a.URL, b.URL),
	)
}

// ParseMembers reads a fixed ring: "0=gateway-0@http://127.0.0.1:8081,1=…", one entry per seat. The
// pod's name serves as its UID. Empty text is an empty ring. An error names the entry.
func ParseMembers(text string) ([]Member, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var members []Member
	seats, pods := map[uint32]bool{}, map[string]bool{}
	for entry := range strings.SplitSeq(text, ",") {
		member, err := parseMember(strings.TrimSpace(entry))
		if err != nil {
			return nil, err
		}
		if seats[member.Seat] || pods[member.Pod] {
			return nil, fmt.Errorf("ring member %q: the seat or the pod is there twice", entry)
		}
		seats[member.Seat], pods[member.Pod] = true, true
		members = append(members, member)
	}
	return members, nil
}

func parseMember(entry string) (Member, error) {
	left, address, hasAddress := strings.Cut(entry, "@")
	number, pod, hasPod := strings.Cut(left, "=")
	seat, err := strconv.ParseUint(number, 10, 32)
	if err != nil || !hasPod || !hasAddress || pod == "" {
		return Member{}, fmt.Errorf("ring member %q: write <seat>=<pod>@<url>", entry)
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return Member{}, fmt.Errorf("ring member %q: the url is not http://host:port", entry)
	}
	return Member{Seat: uint32(seat), Pod: pod, UID: pod, URL: address, Ready: true, Serving: true}, nil
}
