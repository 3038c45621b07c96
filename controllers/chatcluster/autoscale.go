// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// wantedGateways is the count of seats that the spec asks for, or, with autoscaling, that their sessions
// need: replicas is then only the first count.
func (r *Reconciler) wantedGateways(p *pass) int {
	gateway := p.wish.Spec.Services.Gateway
	wanted, scaling := int(*gateway.Replicas), gateway.Autoscaling
	if scaling == nil {
		return wanted
	}
	current := p.seen.seats(p.cluster.Name)
	least, most := int(*scaling.MinReplicas), int(scaling.MaxReplicas)
	if len(current) == 0 {
		return min(max(wanted, least), most)
	}
	drain, err := gateway.Drain.Timeout.Parse()
	if err != nil {
		return len(current) // validation refuses it
	}
	var seats []rollout.Seat
	for _, number := range current {
		seat := rollout.Seat{Number: number}
		seat.Sessions, seat.Known = p.seen.seatSessions(p.cluster.Name, number)
		seats = append(seats, seat)
	}
	policy := rollout.Scaling{Min: least, Max: most, SessionsPerPod: int(*scaling.SessionsPerPod), Pace: drain + time.Minute}
	next, memory := policy.Next(len(current), seats, p.record.scaling, r.Now())
	if next < len(current) && len(p.seen.draining()) > 0 {
		return len(current) // a pod ends already, so none may go now: decide once more when it has gone
	}
	p.record.scaling = memory
	return next
}

// firstCounts are the counts of the spec where an autoscaler, the operator's own or another, has the count.
func (p *pass) firstCounts() map[component.Name]int32 {
	counts := map[component.Name]int32{}
	for _, name := range manifest.Running(p.wish) {
		if manifest.IsAutoscaled(manifest.Input{Cluster: p.wish}, name) {
			counts[name] = manifest.Replicas(manifest.Input{Cluster: p.wish}, name)
		}
	}
	if gateway := p.wish.Spec.Services.Gateway; gateway.Autoscaling != nil {
		counts[component.Gateway] = *gateway.Replicas
	}
	return counts
}
