// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// statusOf computes the status of a pass from what was observed and how it ended. Of the last status it
// keeps only what is memory: the upgrade, the fingerprint of keys, and when conditions changed.
func statusOf(p *pass, outcome error, now time.Time) chatv1alpha1.ChatClusterStatus {
	last := &p.cluster.Status
	s := chatv1alpha1.ChatClusterStatus{
		ObservedGeneration: p.cluster.Generation,
		TargetVersion:      p.wish.Spec.Version,
		Selector:           labels.SelectorFromSet(manifest.Selector(p.cluster.Name, component.Gateway)).String(),
		KeysFingerprint:    cmp.Or(p.fingerprint, last.KeysFingerprint),
		Conditions:         slices.Clone(last.Conditions),
	}
	if host := p.wish.Spec.Exposure.Host; host != "" {
		s.Endpoint = "wss://" + host + "/v1/ws"
	}
	s.Services = servicesOf(p)
	s.Replicas = int32(len(p.seen.seats(p.cluster.Name))) //nolint:gosec // at most 200
	ready, desired := int32(0), int32(0)
	for _, service := range s.Services {
		ready, desired = ready+service.Ready, desired+service.Desired
	}
	s.Ready = fmt.Sprintf("%d/%d", ready, desired)
	s.Version = versionOf(p, s.Services)
	s.Gateway = gatewayOf(p, now)
	s.Schema = schemaStatus(p, last)
	s.Dependencies = dependenciesOf(p)
	s.Upgrade = upgradeOf(p, outcome, now)
	s.Search = searchStatus(p, now)
	for _, condition := range conditionsOf(p, &s, outcome) {
		condition.ObservedGeneration = p.cluster.Generation
		condition.LastTransitionTime = metav1.NewTime(now)
		meta.SetStatusCondition(&s.Conditions, condition)
	}
	return s
}

func servicesOf(p *pass) []chatv1alpha1.ServiceStatus {
	var list []chatv1alpha1.ServiceStatus
	for _, name := range component.All() {
		if !manifest.IsWanted(p.wish, name) {
			list = append(list, chatv1alpha1.ServiceStatus{Name: string(name), Reason: chatv1alpha1.ServiceDisabled})
			continue
		}
		wanted := wantedPods(p, name)
		list = append(list, rollout.State(name, wanted, p.seen.workloads(p.cluster.Name, name)))
	}
	return list
}

func wantedPods(p *pass, name component.Name) int32 {
	switch {
	case name != component.Gateway:
		return manifest.Replicas(manifest.Input{Cluster: p.wish}, name)
	case p.gateways > 0:
		return int32(p.gateways) //nolint:gosec // at most 200
	default: // the pass ended before it was chosen
		return *p.wish.Spec.Services.Gateway.Replicas
	}
}

// versionOf is the lowest that serves. Until the first install has ended there is none.
func versionOf(p *pass, services []chatv1alpha1.ServiceStatus) string {
	var versions []string
	running := p.running()
	for _, service := range services {
		if !slices.Contains(running, component.Name(service.Name)) {
			continue
		}
		if service.Version == "" {
			return p.cluster.Status.Version
		}
		if service.Ready == 0 && p.cluster.Status.Version == "" {
			return ""
		}
		versions = append(versions, service.Version)
	}
	return upgrade.Lowest(versions...)
}

func gatewayOf(p *pass, now time.Time) *chatv1alpha1.GatewayStatus {
	g := &chatv1alpha1.GatewayStatus{}
	sessions := 0
	for _, status := range p.seen.told {
		if status.Gateway != nil {
			sessions += status.Gateway.Sessions
			g.RingMembers = max(g.RingMembers, int32(status.Gateway.RingMembers)) //nolint:gosec // at most 200
		}
	}
	g.Sessions = twoDigits(sessions)
	for _, pod := range p.seen.draining() {
		draining := chatv1alpha1.DrainingPod{Pod: pod.Name, StartedAt: metav1.NewTime(now), Deadline: metav1.NewTime(now)}
		if grace := pod.DeletionGracePeriodSeconds; grace != nil {
			draining.Deadline = *pod.DeletionTimestamp
			draining.StartedAt = metav1.NewTime(pod.DeletionTimestamp.Add(-time.Duration(*grace) * time.Second))
		}
		if status, told := p.seen.told[pod.Name]; told && status.Gateway != nil {
			draining.Sessions = twoDigits(status.Gateway.Sessions)
		}
		g.Draining = append(g.Draining, draining)
	}
	slices.SortFunc(g.Draining, func(a, b chatv1alpha1.DrainingPod) int { return strings.Compare(a.Pod, b.Pod) })
	return g
}

// twoDigits rounds, so that the status does not move with every person who comes or goes.
func twoDigits(n int) int32 {
	if n < 100 {
		return int32(n) //nolint:gosec // small
	}
	unit := math.Pow10(int(math.Log10(float64(n))) - 1)
	return int32(math.Round(float64(n)/unit) * unit)
}

func schemaStatus(p *pass, last *chatv1alpha1.ChatClusterStatus) *chatv1alpha1.SchemaStatus {
	s := &chatv1alpha1.SchemaStatus{Job: p.schema.job, Attempts: p.schema.attempts, Phase: "Expanding"}
	if last.Schema != nil {
		s.Versions = last.Schema.Versions
	}
	switch {
	case p.schema.job == "": // the pass ended before it looked
		return last.Schema
	case p.schema.result.Reason == "Dirty":
		s.Phase = "Dirty"
	case p.schema.complete || !p.plan.Expand:
		s.Phase = "Expanded"
	}
	if len(p.schema.result.Schemas) > 0 {
		s.Versions = map[string]int64{}
		for name, version := range p.schema.result.Schemas {
			s.Versions[string(name)] = version
		}
	}
	return s
}

func dependenciesOf(p *pass) []chatv1alpha1.DependencyStatus {
	var list []chatv1alpha1.DependencyStatus
	for _, d := range component.Dependencies() {
		if !manifest.Uses(p.cluster, d) {
			continue
		}
		status := chatv1alpha1.DependencyStatus{
			Name: string(d), Source: p.bound.Sources[d], Secret: p.bound.Secrets[d],
			Ready: metav1.ConditionUnknown, Reason: chatv1alpha1.ReasonBound,
		}
		if d == component.SMS || d == component.SpeechProvider {
			status.Ready = metav1.ConditionTrue // a provider is not asked for nothing
		}
		if class := classOf(p, d); class != "" {
			status.Ready, status.Reason = metav1.ConditionFalse, string(class)
			if class == component.ClassReachable {
				status.Ready = metav1.ConditionTrue
				judgeIndex(p, &status)
			}
		}
		for _, problem := range p.bound.Problems {
			if problem.Dependency == d {
				status.Ready, status.Reason = metav1.ConditionFalse, problem.Suffix
			}
		}
		if d == component.MySQL {
			status.Durability = p.schema.result.Durability
		}
		list = append(list, status)
	}
	return append(list, ignoredDependencies(p.cluster)...)
}

// classOf is what pods say of a store: one that reaches it is enough, else the most telling failure.
func classOf(p *pass, d component.Dependency) component.Class {
	var worst component.Class
	for _, status := range p.seen.told {
		switch class := status.Dependencies[d]; class {
		case "":
		case component.ClassReachable:
			return class
		default:
			worst = max(worst, class)
		}
	}
	if worst == "" && !p.schema.complete {
		worst = p.schema.result.Dependencies[d]
	}
	return worst
}

// upgradeOf is there from the start of a change of version until it has ended well, and keeps a failure
// until the spec changes.
func upgradeOf(p *pass, outcome error, now time.Time) *chatv1alpha1.UpgradeStatus {
	last := p.cluster.Status.Upgrade
	from, to := p.cluster.Status.Version, p.wish.Spec.Version
	stop, isStalled := errors.AsType[*stalledError](outcome)
	busy := from != "" && (from != to || last != nil && p.plan.Step != upgrade.StepDone)
	if !busy && (last == nil || !isStalled) {
		return nil
	}
	u := &chatv1alpha1.UpgradeStatus{From: from, To: to, Step: p.plan.Step}
	started := metav1.NewTime(now)
	u.StartedAt = &started
	switch {
	case last == nil:
	case last.To == to:
		u.From, u.Step, u.Failed = last.From, cmp.Or(u.Step, last.Step), p.givenUp()
		if last.Failed == nil || u.Failed != nil { // else another try begins
			u.StartedAt = last.StartedAt
		}
	case from == to: // the way back before the last one ended
		u.From = last.To
	}
	if isStalled && p.failure != nil && u.Failed == nil {
		u.Failed = &chatv1alpha1.FailedUpgrade{Version: to, Reason: stop.reason, Generation: p.cluster.Generation}
	}
	return u
}

// dependencyReason is the name of a store with what is wrong with it.
func dependencyReason(name, reason string) string {
	return binding.DisplayName(component.Dependency(name)) + reason
}

func isServing(services []chatv1alpha1.ServiceStatus, name component.Name) bool {
	for _, service := range services {
		if service.Name == string(name) {
			return service.Ready > 0
		}
	}
	return false
}
