// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// A store that is bound and whose Secret is lost holds what reads it: such pods stay as they are, because
// new ones would not start. Their count may change, and everything else goes on.

// isDatabaseLost: where the schemas are is not known, so no Job can change them.
func (p *pass) isDatabaseLost() bool { return p.isHeld(component.Migrate) }

// running lists the components that the spec asks for, in the order in which they start. One that runs only
// because of a provider whose Secret is lost does not start without it, and nothing waits for it.
func (p *pass) running() []component.Name {
	return slices.DeleteFunc(manifest.Running(p.wish), func(name component.Name) bool {
		return name == component.Speech && p.isLost(component.SpeechProvider) && len(p.seen.deployments(p.cluster.Name, name)) == 0
	})
}

// absent lists the components that the spec asks for and that running leaves out.
func (p *pass) absent() []component.Name {
	running := p.running()
	return slices.DeleteFunc(manifest.Running(p.wish), func(name component.Name) bool { return slices.Contains(running, name) })
}

func (p *pass) isLost(d component.Dependency) bool {
	return slices.ContainsFunc(p.bound.Problems, func(problem binding.Problem) bool { return problem.Dependency == d })
}

// wereBound tells whether every reader of every lost store is there: before that there is nothing to hold.
func (p *pass) wereBound() bool {
	running := p.running()
	for _, problem := range p.bound.Problems {
		for _, reader := range component.Readers(problem.Dependency) {
			if slices.Contains(running, reader) && len(p.seen.deployments(p.cluster.Name, reader)) == 0 {
				return false
			}
		}
	}
	return true
}

// isHeld tells whether a component, or a Job, reads a store that is lost.
func (p *pass) isHeld(name component.Name) bool {
	for _, problem := range p.bound.Problems {
		if slices.Contains(component.Readers(problem.Dependency), name) {
			return true
		}
	}
	return false
}

// isHeldPolicy: the port of a lost store is not known, and a NetworkPolicy with another one would cut off
// pods that still reach it.
func (p *pass) isHeldPolicy(kind, name string) bool {
	if kind != "NetworkPolicy" || p.seen.child(kind, name) == nil {
		return false
	}
	for _, reader := range append(p.running(), component.Jobs()...) {
		if p.isHeld(reader) && name == manifest.DeploymentName(p.cluster.Name, reader) {
			return true
		}
	}
	return false
}

// deploymentOf is the wish for a component other than the gateway, nil if it is held and not there.
func (p *pass) deploymentOf(name component.Name) *appsv1ac.DeploymentApplyConfiguration {
	wish := manifest.Deployment(p.input, name)
	if !p.isHeld(name) {
		return wish
	}
	held := heldAs(p.seen.deployment(*wish.GetName()))
	if held != nil {
		held.Spec.Replicas = wish.Spec.Replicas
	}
	return held
}

// seatOf is the wish for a seat of the gateway, nil if it is held and not there.
func (p *pass) seatOf(number int32) *appsv1ac.DeploymentApplyConfiguration {
	wish := manifest.GatewayDeployment(p.input, number)
	if !p.isHeld(component.Gateway) {
		return wish
	}
	return heldAs(p.seen.deployment(*wish.GetName()))
}

// heldAs wishes what is there.
func heldAs(d *appsv1.Deployment) *appsv1ac.DeploymentApplyConfiguration {
	if d == nil {
		return nil
	}
	held, err := appsv1ac.ExtractDeployment(d, manifest.FieldManager)
	if err != nil || held.Spec == nil {
		return nil // it was never ours, or lost its fields: no wish rather than a wrong one
	}
	return held
}

// awaitStores ends a pass that went on without a store.
func (r *Reconciler) awaitStores(_ context.Context, p *pass) error {
	if len(p.bound.Problems) == 0 {
		return nil
	}
	return waiting(chatv1alpha1.ReasonDependencyNotReady, p.bound.Problems[0].Message, r.SecretPoll)
}
