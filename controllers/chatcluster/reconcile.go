// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// pass is one look at one ChatCluster. Steps fill it in order.
type pass struct {
	cluster *chatv1alpha1.ChatCluster // as it is
	wish    *chatv1alpha1.ChatCluster // with defaults
	seen    *observed
	input   manifest.Input
	bound   binding.Result
	// fingerprint of the keys that are there.
	fingerprint string
	// done tells of each component that it is as wished and rolled out; wished are the Deployments that
	// are as wished, rolled out or not; seats are those of the gateway. See look.
	done   map[component.Name]bool
	wished []rollout.Workload
	seats  []rollout.Seat
	schema schemaState
	plan   upgrade.Plan
	// scaling is true while seats are added or removed, changing while a Deployment is not done.
	scaling, changing bool
	failure           *rollout.Failure
}

// step is one part of a pass. An error ends the pass: stalled, waiting, or one to try again.
type step struct {
	name string
	run  func(ctx context.Context, p *pass) error
}

func (r *Reconciler) steps() []step {
	return []step{
		{"validate", r.validate},
		{"bind", r.bind},
		{"apply", r.applyFoundation},
		{"migrate", r.migrate},
		{"rollout", r.rollout},
		{"prune", r.prune},
	}
}

// Reconcile is one pass.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	began := r.Now()
	cluster := &chatv1alpha1.ChatCluster{}
	if err := r.client.Get(ctx, request.NamespacedName, cluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cluster.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // owner references do the work
	}
	seen, err := observe(ctx, r.client, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: seen}
	seen.told = askAll(ctx, r.Ask, seen.pods)

	var outcome error
	for _, s := range r.steps() {
		if outcome = s.run(ctx, p); outcome != nil {
			outcome = fmt.Errorf("%s: %w", s.name, outcome)
			break
		}
	}
	result, failed := r.resultOf(p, outcome)
	if err := r.writeStatus(ctx, p, outcome); err != nil {
		failed = errors.Join(failed, err)
	}
	r.metrics.passed(failed, outcome, r.Now().Sub(began))
	if failed != nil {
		return ctrl.Result{}, failed // the back-off says when
	}
	return result, nil
}

// resultOf says when to look again. Only what is neither stalled nor waiting is an error.
func (r *Reconciler) resultOf(p *pass, outcome error) (ctrl.Result, error) {
	_, isStalled := errors.AsType[*stalledError](outcome)
	later, isWaiting := errors.AsType[*waitingError](outcome)
	after := min(r.SecretPoll, idlePoll)
	switch {
	case isWaiting:
		after = later.after
	case outcome != nil && !isStalled:
		return ctrl.Result{}, outcome
	case p.changing || p.scaling || len(p.seen.draining()) > 0:
		after = busyPoll
	}
	return ctrl.Result{RequeueAfter: spread(after)}, nil
}

// writeStatus writes the status once, if it changed, and tells Events of what did.
func (r *Reconciler) writeStatus(ctx context.Context, p *pass, outcome error) error {
	after := p.cluster.DeepCopy()
	after.Status = statusOf(p, outcome, r.Now().Truncate(time.Second))
	if equality.Semantic.DeepEqual(p.cluster.Status, after.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(p.cluster, client.MergeFromWithOptimisticLock{})
	if err := r.client.Status().Patch(ctx, after, patch); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the status: %w", err))
	}
	r.tell(p.cluster, &p.cluster.Status, &after.Status)
	return nil
}
