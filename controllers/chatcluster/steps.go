// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/keys"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// validate checks the rules again, for objects older than the kind, and those that only the operator knows.
func (r *Reconciler) validate(_ context.Context, p *pass) error {
	if problems := p.cluster.Validate(); len(problems) > 0 {
		return stalled(chatv1alpha1.ReasonInvalidSpec, problems[0].Error())
	}
	matrix := upgrade.Matrix{Operator: r.Version, Broken: upgrade.Broken()}
	if problem := matrix.Check(p.wish.Spec.Version, p.seen.versions()...); problem != nil {
		return stalled(problem.Reason, problem.Message)
	}
	image, problem := upgrade.Image(&p.wish.Spec, r.ImageRepository, r.AllowedRepositories)
	if problem != nil {
		return stalled(problem.Reason, problem.Message)
	}
	speech := ""
	if manifest.IsWanted(p.wish, component.Speech) {
		if speech, problem = upgrade.SpeechImage(&p.wish.Spec, r.ImageRepository, r.AllowedRepositories); problem != nil {
			return stalled(problem.Reason, problem.Message)
		}
	}
	p.input = manifest.Input{
		Cluster: p.wish, Image: image, SpeechImage: speech, Version: p.wish.Spec.Version,
		OperatorNamespace: r.OperatorNamespace, OperatorLabels: r.OperatorLabels,
	}
	return nil
}

// bind finds the Secrets of the stores and the cluster's own keys.
func (r *Reconciler) bind(ctx context.Context, p *pass) error {
	bound, err := r.resolver.Resolve(ctx, p.wish)
	if err != nil {
		return writeOutcome(err)
	}
	p.bound = bound
	data, err := r.ownKeys(ctx, p)
	if err != nil {
		return err
	}
	if !p.wereBound() {
		return waiting(chatv1alpha1.ReasonDependencyNotReady, bound.Problems[0].Message, r.SecretPoll)
	}
	key, err := keys.BindingHashKey(data)
	if err != nil {
		return err
	}
	bound.Problems = nil // of the stores that are there; readers of a lost one are held
	p.input.Bindings, p.input.BindingHashes = bound.Bindings, bound.Hashes(key)
	p.input.Absent = p.absent()
	return nil
}

// applyFoundation writes what runs no version.
func (r *Reconciler) applyFoundation(ctx context.Context, p *pass) error {
	p.gateways = r.wantedGateways(p)
	p.input.Seats = p.wantedSeats()
	for _, wish := range foundation(p.input) {
		if p.isHeldPolicy(*wish.GetKind(), *wish.GetName()) {
			continue
		}
		if _, err := r.apply.Apply(ctx, p.cluster.UID, wish, p.seen.child(*wish.GetKind(), *wish.GetName())); err != nil {
			return writeOutcome(err)
		}
	}
	return nil
}

func foundation(in manifest.Input) []apply.Config {
	var list []apply.Config
	for _, wish := range manifest.ServiceAccounts(in) {
		list = append(list, wish)
	}
	if role := manifest.RingRole(in); role != nil {
		list = append(list, role)
	}
	for _, wish := range manifest.RingRoleBindings(in) {
		list = append(list, wish)
	}
	for _, wish := range manifest.NetworkPolicies(in) {
		list = append(list, wish)
	}
	for _, wish := range manifest.Services(in) {
		list = append(list, wish)
	}
	for _, wish := range manifest.PodDisruptionBudgets(in) {
		list = append(list, wish)
	}
	return list
}

// wantedSeats are those that are there and stay, and those that come: existing numbers first.
func (p *pass) wantedSeats() []int32 {
	var seats []rollout.Seat
	list := p.seen.seats(p.cluster.Name)
	for _, number := range list {
		seats = append(seats, rollout.Seat{Number: number})
	}
	list = append(list, rollout.ToAdd(seats, p.gateways)...)
	slices.Sort(list)
	return list
}

// prune deletes children that are no longer wanted; it never touches what another step still changes.
func (r *Reconciler) prune(ctx context.Context, p *pass) error {
	wanted := map[string]bool{}
	for _, wish := range foundation(p.input) {
		wanted[childKey(*wish.GetKind(), *wish.GetName())] = true
	}
	for _, name := range manifest.Running(p.wish) {
		if scaler := manifest.HorizontalPodAutoscaler(p.input, name); scaler != nil {
			wanted[childKey("HorizontalPodAutoscaler", *scaler.GetName())] = true
		}
		wanted[childKey("Deployment", manifest.DeploymentName(p.cluster.Name, name))] = true
	}
	for _, seat := range p.seen.seats(p.cluster.Name) {
		wanted[childKey("Deployment", manifest.SeatName(p.cluster.Name, seat))] = true
	}
	for _, job := range p.newestJobs() {
		wanted[childKey("Job", job)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(p.seen.children)) {
		child := p.seen.children[key]
		if _, isJob := child.(*batchv1.Job); isJob && isReindexJob(child.GetLabels()) {
			continue // the step of rebuilds ends them, and their time to live removes them
		}
		if wanted[key] || child.GetDeletionTimestamp() != nil {
			continue
		}
		if _, err := r.apply.Delete(ctx, p.cluster.UID, child); err != nil {
			return writeOutcome(err)
		}
	}
	p.settled = true
	return nil
}
