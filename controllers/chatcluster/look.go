// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// look compares the Deployments with the wish, once: a pass does not see what it writes itself.
func (p *pass) look() {
	p.done, p.begun = map[component.Name]bool{}, map[component.Name]bool{}
	for _, name := range p.running() {
		if name == component.Gateway {
			continue
		}
		w := p.seen.workload(p.seen.deployment(manifest.DeploymentName(p.cluster.Name, name)))
		p.begun[name], p.done[name] = p.judge(name, p.deploymentOf(name), w)
	}
	numbers := p.seen.seats(p.cluster.Name)
	p.done[component.Gateway] = len(numbers) > 0
	for _, number := range numbers {
		w := p.seen.workload(p.seen.deployment(manifest.SeatName(p.cluster.Name, number)))
		seat := rollout.Seat{Number: number, Available: rollout.IsServing(w.Deployment)}
		seat.Sessions, seat.Known = p.seen.seatSessions(p.cluster.Name, number)
		seat.Current, seat.Done = p.judge(component.Gateway, p.seatOf(number), w)
		p.begun[component.Gateway] = p.begun[component.Gateway] || seat.Current
		p.done[component.Gateway] = p.done[component.Gateway] && seat.Current && seat.Done
		if !seat.Current {
			seat.Done = w.Done() // as it is, if not as it should be
		}
		p.seats = append(p.seats, seat)
	}
}

// judge tells whether a Deployment is as wished, and whether its pods are, too. What failed before and is
// about to be replaced must not stop the way back, so only what is as wished can fail; what is held was
// not written by this try.
func (p *pass) judge(name component.Name, wish *appsv1ac.DeploymentApplyConfiguration, w rollout.Workload) (met, done bool) {
	if wish == nil || !isMet(wish, w.Deployment) {
		return false, false
	}
	if p.isHeld(name) {
		return true, w.Done() && w.Deployment.Labels[manifest.LabelVersion] == p.versionLabel()
	}
	p.wished = append(p.wished, w)
	return true, w.Done() && w.Says(p.input.Version, p.seen.told)
}

// versionLabel is the target as labels write it.
func (p *pass) versionLabel() string {
	return manifest.Deployment(p.input, component.User).Labels[manifest.LabelVersion]
}

// isMet tells whether a Deployment is there as wished.
func isMet(wish *appsv1ac.DeploymentApplyConfiguration, d *appsv1.Deployment) bool {
	met, err := apply.Meets(wish, d)
	return err == nil && met
}

// confirm looks once more, at the server itself, at what counts as done before the next wave begins: a
// cache that is late must not let two versions meet that do not know each other.
func (r *Reconciler) confirm(ctx context.Context, p *pass) error {
	var before []component.Name
	for _, name := range p.plan.Write {
		switch {
		case p.done[name]:
			before = append(before, name)
		case p.begun[name]:
			return nil
		}
	}
	if p.cluster.Status.Version == "" || p.plan.Step == upgrade.StepDone || len(before) == 0 {
		return nil
	}
	now, err := r.observeLive(ctx, p, before)
	if err != nil {
		return err
	}
	for _, name := range before {
		for _, w := range p.seen.workloads(p.cluster.Name, name) {
			live := now.workload(now.deployment(w.Deployment.Name))
			if live.Deployment == nil || live.Deployment.Generation != w.Deployment.Generation || !live.Done() {
				p.done[name] = false
			}
		}
	}
	p.plan = upgrade.Next(p.facts())
	return nil
}

// observeLive reads the Deployments of some components with their ReplicaSets and pods, past the cache.
func (r *Reconciler) observeLive(ctx context.Context, p *pass, names []component.Name) (*observed, error) {
	o := &observed{children: map[string]client.Object{}}
	for _, d := range p.seen.deploymentsOf(p.cluster.Name, names) {
		live := &appsv1.Deployment{}
		err := r.live.Get(ctx, client.ObjectKeyFromObject(d), live)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read Deployment %s: %w", d.Name, err)
		}
		o.children[childKey("Deployment", live.Name)] = live
	}
	var sets appsv1.ReplicaSetList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&sets, &pods} {
		if err := r.live.List(ctx, list, selected(p.cluster)...); err != nil {
			return nil, fmt.Errorf("list what Deployments made: %w", err)
		}
	}
	o.sets, o.pods = sets.Items, pods.Items
	return o, nil
}

// deploymentsOf some components that are there.
func (o *observed) deploymentsOf(cluster string, names []component.Name) []*appsv1.Deployment {
	var list []*appsv1.Deployment
	for _, name := range names {
		for _, w := range o.workloads(cluster, name) {
			if w.Deployment != nil && !slices.Contains(list, w.Deployment) {
				list = append(list, w.Deployment)
			}
		}
	}
	return list
}
