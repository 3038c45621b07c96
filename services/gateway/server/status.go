// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/gateway"
)

// statusOf is what a gateway tells of its sessions.
func statusOf(hub *gateway.Hub, seat uint32) *component.GatewayStatus {
	s := hub.Stats()
	status := &component.GatewayStatus{Seat: seat, Sessions: s.Sessions, Guests: s.Guests, RingMembers: s.Seats}
	if p, draining := hub.Progress(); draining {
		status.Drain = &component.DrainStatus{
			StartedAt: p.Start.UnixMilli(), Deadline: p.Deadline.UnixMilli(), Remaining: p.Remaining, Overdue: p.Overdue,
		}
	}
	return status
}
