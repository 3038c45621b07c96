// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// isMet tells whether a Deployment is there as wished.
func isMet(wish *appsv1ac.DeploymentApplyConfiguration, d *appsv1.Deployment) bool {
	met, err := apply.Meets(wish, d)
	return err == nil && met
}

// look compares the Deployments with the wish, once: a pass does not see what it writes itself.
func (p *pass) look() {
	p.done = map[component.Name]bool{}
	for _, name := range component.All() {
		if name == component.Gateway {
			continue
		}
		d := p.seen.deployment(manifest.DeploymentName(p.cluster.Name, name))
		w := p.seen.workload(d)
		met := isMet(manifest.Deployment(p.input, name), d)
		p.done[name] = met && w.Done()
		if met {
			p.wished = append(p.wished, w)
		}
	}
	numbers := p.seen.seats(p.cluster.Name)
	p.done[component.Gateway] = len(numbers) > 0
	for _, number := range numbers {
		d := p.seen.deployment(manifest.SeatName(p.cluster.Name, number))
		w := p.seen.workload(d)
		met := isMet(manifest.GatewayDeployment(p.input, number), d)
		sessions, known := p.seen.seatSessions(p.cluster.Name, number)
		seat := rollout.Seat{
			Number: number, Sessions: sessions, Known: known, Available: rollout.IsServing(d), Current: met, Done: w.Done(),
		}
		p.seats = append(p.seats, seat)
		p.done[component.Gateway] = p.done[component.Gateway] && seat.Current && seat.Done
		if met {
			p.wished = append(p.wished, w)
		}
	}
}

// rollout writes the Deployments that the plan allows, one seat of the gateway at a time, and stops when
// pods of a wave cannot be had: the old ones go on serving.
func (r *Reconciler) rollout(ctx context.Context, p *pass) error {
	if p.failure = p.firstFailure(r.Now()); p.failure != nil && p.isGivenUp() {
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
	if err := r.applySeats(ctx, p, slices.Contains(p.plan.Write, component.Gateway)); err != nil {
		return err
	}
	p.changing = p.plan.Step != upgrade.StepDone
	for _, done := range p.done {
		p.changing = p.changing || !done
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
func (p *pass) firstFailure(now time.Time) *rollout.Failure {
	for _, w := range p.wished {
		if failure := w.Failure(now); failure != nil {
			return failure
		}
	}
	return nil
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
	seats := p.seats
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
