// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// isDone tells whether a component is as wished and rolled out.
func (p *pass) isDone(name component.Name) bool {
	if name != component.Gateway {
		d := p.seen.deployment(manifest.DeploymentName(p.cluster.Name, name))
		met, err := apply.Meets(manifest.Deployment(p.input, name), d)
		return err == nil && met && p.seen.workload(d).Done()
	}
	seats := p.seatsOf()
	for _, seat := range seats {
		if !seat.Current || !seat.Done {
			return false
		}
	}
	return len(seats) > 0
}

func (p *pass) seatsOf() []rollout.Seat {
	var list []rollout.Seat
	for _, number := range p.seen.seats(p.cluster.Name) {
		d := p.seen.deployment(manifest.SeatName(p.cluster.Name, number))
		met, err := apply.Meets(manifest.GatewayDeployment(p.input, number), d)
		sessions, known := p.seen.seatSessions(p.cluster.Name, number)
		list = append(list, rollout.Seat{
			Number: number, Sessions: sessions, Known: known, Available: rollout.IsServing(d),
			Current: err == nil && met, Done: p.seen.workload(d).Done(),
		})
	}
	return list
}

// rollout writes the Deployments that the plan allows, one seat of the gateway at a time, and stops when
// pods of a wave cannot be had: the old ones go on serving.
func (r *Reconciler) rollout(ctx context.Context, p *pass) error {
	if p.failure = p.firstFailure(r); p.failure != nil && p.isGivenUp() {
		return stalled(p.failure.Reason, p.failure.Message)
	}
	for _, name := range p.plan.Write {
		if name == component.Gateway {
			continue
		}
		if err := r.applyComponent(ctx, p, name); err != nil {
			return err
		}
	}
	gateway := false
	for _, name := range p.plan.Write {
		gateway = gateway || name == component.Gateway
	}
	if err := r.applySeats(ctx, p, gateway); err != nil {
		return err
	}
	p.changing = p.plan.Step != upgrade.StepDone
	for _, name := range component.All() {
		p.changing = p.changing || !p.isDone(name)
	}
	if p.failure != nil {
		return stalled(p.failure.Reason, p.failure.Message)
	}
	return nil
}

// isGivenUp is true while the spec still asks for what failed: it is not tried again, but nothing that
// was written is taken back either.
func (p *pass) isGivenUp() bool {
	u := p.cluster.Status.Upgrade
	return u != nil && u.Failed != nil && u.Failed.Generation == p.cluster.Generation
}

// firstFailure looks at Deployments that are as wished: what failed before and is about to be replaced
// must not stop the way back.
func (p *pass) firstFailure(r *Reconciler) *rollout.Failure {
	for _, name := range component.All() {
		for _, w := range p.seen.workloads(p.cluster.Name, name) {
			if !p.isAsWished(name, w.Deployment) {
				continue
			}
			if failure := w.Failure(r.Now()); failure != nil {
				return failure
			}
		}
	}
	return nil
}

func (p *pass) isAsWished(name component.Name, d *appsv1.Deployment) bool {
	if d == nil {
		return false
	}
	wish := manifest.Deployment(p.input, name)
	if name == component.Gateway {
		number, err := strconv.ParseInt(d.Labels[manifest.LabelSeat], 10, 32)
		if err != nil {
			return false
		}
		wish = manifest.GatewayDeployment(p.input, int32(number))
	}
	met, err := apply.Meets(wish, d)
	return err == nil && met
}

func (r *Reconciler) applyComponent(ctx context.Context, p *pass, name component.Name) error {
	wish := manifest.Deployment(p.input, name)
	if _, err := r.apply.Apply(ctx, p.cluster.UID, wish, p.seen.child("Deployment", *wish.GetName())); err != nil {
		return writeOutcome(err)
	}
	scaler := manifest.HorizontalPodAutoscaler(p.input, name)
	if scaler == nil {
		return nil
	}
	_, err := r.apply.Apply(ctx, p.cluster.UID, scaler, p.seen.child("HorizontalPodAutoscaler", *scaler.GetName()))
	return writeOutcome(err)
}

// applySeats adds, removes and changes seats of the gateway. With change false, seats of another version
// stay as they are.
func (r *Reconciler) applySeats(ctx context.Context, p *pass, change bool) error {
	seats := p.seatsOf()
	wanted := int(*p.wish.Spec.Services.Gateway.Replicas)
	draining := len(p.seen.draining()) > 0
	if len(seats) < wanted && change {
		p.scaling = p.cluster.Status.Version != ""
		for _, number := range rollout.ToAdd(seats, wanted) {
			if err := r.applySeat(ctx, p, number); err != nil {
				return err
			}
		}
	}
	if number, ok := rollout.ToRemove(seats, wanted, draining); ok {
		p.scaling = true
		_, err := r.apply.Delete(ctx, p.cluster.UID, p.seen.deployment(manifest.SeatName(p.cluster.Name, number)))
		return writeOutcome(err)
	}
	p.scaling = p.scaling || len(seats) > wanted
	if number, ok := rollout.ToChange(seats, draining); ok && change {
		return r.applySeat(ctx, p, number)
	}
	return nil
}

func (r *Reconciler) applySeat(ctx context.Context, p *pass, number int32) error {
	wish := manifest.GatewayDeployment(p.input, number)
	if _, err := r.apply.Apply(ctx, p.cluster.UID, wish, p.seen.child("Deployment", *wish.GetName())); err != nil {
		return writeOutcome(fmt.Errorf("seat %d: %w", number, err))
	}
	return nil
}
