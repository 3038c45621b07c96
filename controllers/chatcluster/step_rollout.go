// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// rollout writes the Deployments that the plan allows, one seat of the gateway at a time, and stops when
// pods of a wave cannot be had: the old ones go on serving.
func (r *Reconciler) rollout(ctx context.Context, p *pass) error {
	p.failure = p.firstFailure(r.Now())
	if failed := p.givenUp(); failed != nil {
		return stalled(failed.Reason, p.adviceOn(failed))
	}
	if err := r.confirm(ctx, p); err != nil {
		return err
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
		return stalled(p.failure.Reason, p.failure.Message+"; the old pods go on serving")
	}
	return nil
}

// givenUp is the failure of what the spec still asks for: it is not tried again, also when its pods recover,
// and nothing that was written is taken back. Another spec, or another value of retry, which the name of
// the Job holds, is another try.
func (p *pass) givenUp() *chatv1alpha1.FailedUpgrade {
	u := p.cluster.Status.Upgrade
	if u == nil || u.Failed == nil || u.Failed.Generation != p.cluster.Generation || p.isRetried() {
		return nil
	}
	return u.Failed
}

func (p *pass) isRetried() bool {
	last := p.cluster.Status.Schema
	return last != nil && last.Job != "" && p.schema.job != "" && last.Job != p.schema.job
}

// adviceOn what was given up: what is wrong now, if it still is, and what a person can do.
func (p *pass) adviceOn(failed *chatv1alpha1.FailedUpgrade) string {
	found := fmt.Sprintf("version %s failed", failed.Version)
	if p.failure != nil {
		found = p.failure.Message
	}
	return fmt.Sprintf("%s; the old pods go on serving: correct the cause and set the annotation %s to a new value, or change spec.version",
		found, chatv1alpha1.AnnotationRetry)
}

// began is when this try of a change of version began; the zero time without one.
func (p *pass) began(now time.Time) time.Time {
	last := p.cluster.Status.Upgrade
	switch {
	case last == nil || last.StartedAt == nil || last.To != p.wish.Spec.Version:
		return time.Time{}
	case last.Failed != nil && p.givenUp() == nil:
		return now
	default:
		return last.StartedAt.Time
	}
}

func (p *pass) firstFailure(now time.Time) *rollout.Failure {
	for _, w := range p.wished {
		if failure := w.Failure(now, p.began(now)); failure != nil {
			return failure
		}
	}
	return nil
}

func (r *Reconciler) applyComponent(ctx context.Context, p *pass, name component.Name) error {
	wish := p.deploymentOf(name)
	if wish == nil {
		return nil
	}
	current := p.seen.child("Deployment", *wish.GetName())
	if current == nil && manifest.IsAutoscaled(p.input, name) {
		// Only a Deployment that is not there gets the first count: one that the cache does not show yet
		// may have another by now.
		live := &appsv1.Deployment{}
		err := r.live.Get(ctx, client.ObjectKey{Namespace: p.cluster.Namespace, Name: *wish.GetName()}, live)
		switch {
		case apierrors.IsNotFound(err):
			wish.Spec.WithReplicas(manifest.Replicas(p.input, name))
		case err != nil:
			return fmt.Errorf("read Deployment %s: %w", *wish.GetName(), err)
		default:
			current = live
		}
	}
	if _, err := r.apply.Apply(ctx, p.cluster.UID, wish, current); err != nil {
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
	draining := len(p.seen.draining()) > 0
	if len(seats) < p.gateways && change {
		p.scaling = p.cluster.Status.Version != ""
		for _, number := range rollout.ToAdd(seats, p.gateways) {
			if err := r.applySeat(ctx, p, number); err != nil {
				return err
			}
		}
	}
	if number, ok := rollout.ToRemove(seats, p.gateways, draining); ok {
		p.scaling = true
		_, err := r.apply.Delete(ctx, p.cluster.UID, p.seen.deployment(manifest.SeatName(p.cluster.Name, number)))
		return writeOutcome(err)
	}
	p.scaling = p.scaling || len(seats) > p.gateways
	if number, ok := rollout.ToChange(seats, draining); ok && change {
		return r.applySeat(ctx, p, number)
	}
	return nil
}

// applySeat writes nothing for a seat that is held and not there: its pod could not start.
func (r *Reconciler) applySeat(ctx context.Context, p *pass, number int32) error {
	wish := p.seatOf(number)
	if wish == nil {
		return nil
	}
	if _, err := r.apply.Apply(ctx, p.cluster.UID, wish, p.seen.child("Deployment", *wish.GetName())); err != nil {
		return writeOutcome(fmt.Errorf("seat %d: %w", number, err))
	}
	return nil
}
