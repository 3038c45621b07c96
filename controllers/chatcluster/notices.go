// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// notice tells Events of what no status shows. It compares with the pass before; the first pass of an
// operator compares with what the children say, or not at all.
func (r *Reconciler) notice(p *pass) {
	say := r.sayOf(p.cluster)
	unknown := unknownAnnotations(p.cluster)
	for _, name := range newIn(p.record.unknown, unknown) {
		say(corev1.EventTypeWarning, eventAnnotationUnknown, "Validate", "the annotation %s means nothing: correct or remove it", name)
	}
	p.record.unknown = unknown

	counts := p.firstCounts()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if before, known := p.record.replicas[name]; known && before != counts[name] {
			say(corev1.EventTypeWarning, eventReplicasIgnored, "Scale", "%s: replicas is only the first count under an autoscaler: change minReplicas and maxReplicas", name)
		}
	}
	p.record.replicas = counts

	inactive := p.seen.inactiveScalers()
	for _, name := range newIn(p.record.inactive, inactive) {
		say(corev1.EventTypeWarning, eventAutoscalerInactive, "Scale", "the HorizontalPodAutoscaler %s does not work: see its conditions, and that the cluster serves resource metrics", name)
	}
	p.record.inactive = inactive
	p.record.passes++
	r.noticeBindings(p, say)
}

// noticeBindings compares what readers read now with the pass before, or else with their pods' templates.
func (r *Reconciler) noticeBindings(p *pass, say say) {
	if len(p.input.BindingHashes) == 0 {
		return
	}
	before := p.record.hashes
	if before == nil {
		before = p.seen.hashes(p.cluster.Name)
	}
	var changed []string
	after := maps.Clone(before)
	for _, name := range p.running() {
		hash := p.input.BindingHashes[name]
		if hash == "" || p.isHeld(name) {
			continue
		}
		if before[name] != "" && before[name] != hash {
			changed = append(changed, string(name))
		}
		after[name] = hash
	}
	p.record.hashes = after
	if len(changed) == 0 {
		return
	}
	store := changedStore(p.cluster, changed)
	r.metrics.bindings.WithLabelValues(string(store)).Inc()
	say(corev1.EventTypeNormal, eventBindingChanged, "Bind", "the Secret of %s changed: pods of %s are replaced", store, strings.Join(changed, ", "))
}

// changedStore is the one whose readers are those that changed. RabbitMQ is left for a change of everything that
// talks, MySQL for all else, since components may have users of their own there.
func changedStore(cluster *chatv1alpha1.ChatCluster, changed []string) component.Dependency {
	readers := func(d component.Dependency) []component.Name {
		return slices.DeleteFunc(component.Readers(d), func(name component.Name) bool {
			return slices.Contains(component.Jobs(), name) || !manifest.IsWanted(cluster, name)
		})
	}
	for _, d := range []component.Dependency{component.SMS, component.Elasticsearch, component.ObjectStore, component.SpeechProvider} {
		if manifest.Uses(cluster, d) && slices.EqualFunc(readers(d), changed, func(name component.Name, other string) bool { return string(name) == other }) {
			return d
		}
	}
	for _, reader := range readers(component.RabbitMQ) {
		if !slices.Contains(changed, string(reader)) {
			return component.MySQL
		}
	}
	return component.RabbitMQ
}

// hashes of the bindings as the templates of Deployments have them.
func (o *observed) hashes(cluster string) map[component.Name]string {
	found := map[component.Name]string{}
	for _, name := range component.All() {
		for _, d := range o.deploymentsOf(cluster, []component.Name{name}) {
			found[name] = d.Spec.Template.Annotations[manifest.AnnotationBindingHash]
		}
	}
	return found
}

// inactiveScalers are those that say that they cannot scale; one that has not tried yet says nothing.
func (o *observed) inactiveScalers() []string {
	var list []string
	for _, child := range o.children {
		scaler, ok := child.(*autoscalingv2.HorizontalPodAutoscaler)
		if !ok {
			continue
		}
		for _, condition := range scaler.Status.Conditions {
			// Between zero pods and the first one there is nothing to scale, which is no fault.
			if condition.Type == autoscalingv2.ScalingActive && condition.Status == corev1.ConditionFalse && condition.Reason != "ScalingDisabled" {
				list = append(list, scaler.Name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// unknownAnnotations under our prefix are mistakes of writing, ascending.
func unknownAnnotations(cluster *chatv1alpha1.ChatCluster) []string {
	known := []string{
		chatv1alpha1.AnnotationRestart, chatv1alpha1.AnnotationReload, chatv1alpha1.AnnotationRetry, chatv1alpha1.AnnotationReindex,
		chatv1alpha1.AnnotationAdoptDatabase, chatv1alpha1.AnnotationRecreateKeys,
	}
	var list []string
	for name := range cluster.Annotations {
		if strings.HasPrefix(name, chatv1alpha1.AnnotationPrefix) && !slices.Contains(known, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// ignoredFields of the spec have no service in this version that reads them, in the order of the spec.
func ignoredFields(cluster *chatv1alpha1.ChatCluster) []string {
	var list []string
	if cluster.Spec.Services.Speech != nil && !manifest.IsWanted(cluster, component.Speech) {
		list = append(list, "services.speech")
	}
	for _, d := range ignoredDependencies(cluster) {
		list = append(list, "dependencies."+d.Name)
	}
	return list
}

// ignoredDependencies are those that the spec names and no component reads.
func ignoredDependencies(cluster *chatv1alpha1.ChatCluster) []chatv1alpha1.DependencyStatus {
	var list []chatv1alpha1.DependencyStatus
	add := func(name string, source *chatv1alpha1.Source) {
		status := chatv1alpha1.DependencyStatus{Name: name, Ready: "Unknown", Reason: chatv1alpha1.ReasonIgnored}
		switch {
		case source.SecretRef != nil:
			status.Source, status.Secret = "secretRef", source.SecretRef.Name
		case source.BindingRef != nil:
			status.Source = "bindingRef"
		}
		list = append(list, status)
	}
	spec := &cluster.Spec.Dependencies
	if spec.SMS != nil && !manifest.SendsCodes(cluster) {
		add("sms", &chatv1alpha1.Source{SecretRef: spec.SMS.SecretRef})
	}
	return list
}

// ignoredNote says what of the spec has no effect; empty if all has.
func ignoredNote(cluster *chatv1alpha1.ChatCluster) string {
	fields := ignoredFields(cluster)
	if len(fields) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: ignored, because this version has no service that reads them", strings.Join(fields, ", "))
}
