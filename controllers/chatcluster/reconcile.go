// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
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
	// record is what the operator remembers of the pass before.
	record *record
	// done tells of each component that it is as wished and rolled out, begun that some of it is as
	// wished; wished are the Deployments that are as wished, rolled out or not; seats are those of the
	// gateway. See look.
	done, begun map[component.Name]bool
	wished      []rollout.Workload
	seats       []rollout.Seat
	// gateways is the wanted count of seats.
	gateways int
	schema   schemaState
	plan     upgrade.Plan
	// scaling is true while seats are added or removed, changing while a Deployment is not done.
	scaling, changing bool
	failure           *rollout.Failure
	// settled: every step that writes was done.
	settled bool
	search  rebuild
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
		{"await", r.awaitStores},
	}
}

// Reconcile is one pass.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	began := r.Now()
	cluster := &chatv1alpha1.ChatCluster{}
	err := r.client.Get(ctx, request.NamespacedName, cluster)
	if apierrors.IsNotFound(err) || err == nil && cluster.DeletionTimestamp != nil {
		r.metrics.show(r.memory.forget(request.NamespacedName))
		return ctrl.Result{}, nil // owner references do the work
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	seen, err := observe(ctx, r.client, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: seen, record: r.memory.of(request.NamespacedName, cluster.UID)}
	seen.told = askAll(ctx, r.ask, seen.pods)

	outcome := r.runSearchStep(ctx, p, r.runSteps(ctx, p))
	result, failed := r.resultOf(p, outcome)
	switch err := r.writeStatus(ctx, p, outcome); {
	case apierrors.IsConflict(err) && failed == nil:
		result.RequeueAfter = outdatedPoll // this pass saw an object that has changed meanwhile: no failure
	case err != nil:
		failed = errors.Join(failed, err)
	}
	if apierrors.HasStatusCause(failed, corev1.NamespaceTerminatingCause) {
		failed = nil // the namespace goes, and with it the object
	}
	r.metrics.passed(failed, outcome, r.Now().Sub(began))
	if failed != nil {
		return ctrl.Result{}, failed // the back-off says when
	}
	return result, nil
}

func (r *Reconciler) runSteps(ctx context.Context, p *pass) error {
	for _, s := range r.steps() {
		if err := r.runStep(ctx, p, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) runStep(ctx context.Context, p *pass, s step) error {
	began := r.Now()
	err := s.run(ctx, p)
	r.metrics.stepped(s.name, err, r.Now().Sub(began))
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// runSearchStep comes after all others, also after one that stopped the pass: a rebuild must end when it may not go
// on, whatever else waits. Its own trouble counts only where there is no other.
func (r *Reconciler) runSearchStep(ctx context.Context, p *pass, outcome error) error {
	if outcomeOf(outcome) == "failed" {
		return outcome
	}
	if err := r.runStep(ctx, p, step{"reindex", r.reindex}); outcome == nil {
		return err
	}
	return outcome
}

// resultOf says when to look again. Only what is neither stalled nor waiting is an error.
func (r *Reconciler) resultOf(p *pass, outcome error) (ctrl.Result, error) {
	_, isStalled := errors.AsType[*stalledError](outcome)
	later, isWaiting := errors.AsType[*waitingError](outcome)
	after := min(r.SecretPoll, idlePoll)
	switch {
	case isWaiting && !p.changing && !p.scaling:
		after = later.after
	case outcome != nil && !isStalled && !isWaiting:
		return ctrl.Result{}, outcome
	case p.changing || p.scaling || len(p.seen.draining()) > 0:
		after = busyPoll
	}
	if isOpen(p.search.status) {
		after = min(after, progressEvery)
	}
	return ctrl.Result{RequeueAfter: spread(after)}, nil
}

// writeStatus writes the status once, if it changed, and tells Events of what did. Events of what no
// status shows, and the gauges, do not wait for the write.
func (r *Reconciler) writeStatus(ctx context.Context, p *pass, outcome error) error {
	after := p.cluster.DeepCopy()
	after.Status = statusOf(p, outcome, r.Now().Truncate(time.Second))
	r.notice(p)
	r.show(p, &after.Status)
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

// show brings the gauges and the durations of waves up to date.
func (r *Reconciler) show(p *pass, s *chatv1alpha1.ChatClusterStatus) {
	remaining := 0
	for _, pod := range p.seen.draining() {
		if told := p.seen.told[pod.Name]; told.Gateway != nil {
			remaining += told.Gateway.Sessions
		}
	}
	r.metrics.show(r.memory.show(p.record, stateOf(s), remaining))
	wave := ""
	if s.Upgrade != nil && s.Upgrade.Failed == nil && strings.HasPrefix(s.Upgrade.Step, "Wave") {
		wave = s.Upgrade.Step
	}
	if wave == p.record.wave {
		return
	}
	failed := s.Upgrade != nil && s.Upgrade.Failed != nil
	if !p.record.waveSince.IsZero() && !failed {
		r.metrics.waves.WithLabelValues(strings.TrimPrefix(p.record.wave, "Wave")).Observe(r.Now().Sub(p.record.waveSince).Seconds())
	}
	begun := p.record.passes > 0 && wave != ""
	p.record.wave, p.record.waveSince = wave, time.Time{}
	if begun {
		p.record.waveSince = r.Now()
	}
}

// stateOf is the one word of metrics for an object.
func stateOf(s *chatv1alpha1.ChatClusterStatus) string {
	switch {
	case meta.IsStatusConditionTrue(s.Conditions, chatv1alpha1.ConditionStalled):
		return "stalled"
	case meta.IsStatusConditionTrue(s.Conditions, chatv1alpha1.ConditionReconciling):
		return "reconciling"
	case meta.IsStatusConditionTrue(s.Conditions, chatv1alpha1.ConditionReady):
		return "ready"
	default:
		return "unready"
	}
}
