// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// overrides is what the cluster's podTemplate and the component's over it add to a pod: maps and env by
// key, all else replaced.
func overrides(in Input, name component.Name) chatv1alpha1.ServicePodTemplate {
	merged, lowest := chatv1alpha1.ServicePodTemplate{}, clusterTemplate(in).ServicePodTemplate
	for _, layer := range []*chatv1alpha1.ServicePodTemplate{&lowest, serviceOf(in, name).PodTemplate} {
		if layer == nil {
			continue
		}
		merged.Labels = union(merged.Labels, layer.Labels)
		merged.Annotations = union(merged.Annotations, layer.Annotations)
		merged.NodeSelector = union(merged.NodeSelector, layer.NodeSelector)
		merged.Env = mergeEnv(merged.Env, layer.Env)
		if len(layer.Tolerations) > 0 {
			merged.Tolerations = layer.Tolerations
		}
		if layer.PriorityClassName != "" {
			merged.PriorityClassName = layer.PriorityClassName
		}
	}
	return merged
}

func clusterTemplate(in Input) chatv1alpha1.PodTemplate {
	if in.Cluster.Spec.PodTemplate == nil {
		return chatv1alpha1.PodTemplate{}
	}
	return *in.Cluster.Spec.PodTemplate
}

// mergeEnv keeps the order of the lower layer, because a value may refer to one before it.
func mergeEnv(lower, upper []chatv1alpha1.EnvVar) []chatv1alpha1.EnvVar {
	var merged []chatv1alpha1.EnvVar
	place := map[string]int{}
	for _, layer := range [][]chatv1alpha1.EnvVar{lower, upper} {
		for _, variable := range layer {
			if at, ok := place[variable.Name]; ok {
				merged[at] = variable
				continue
			}
			place[variable.Name] = len(merged)
			merged = append(merged, variable)
		}
	}
	return merged
}

// podLabels and podAnnotations: ours win, although validation refuses names that are ours.
func podLabels(in Input, name component.Name, more map[string]string) map[string]string {
	return union(overrides(in, name).Labels, workloadLabels(in, name), more)
}

func podAnnotations(in Input, name component.Name) map[string]string {
	ours := map[string]string{}
	if hash := in.BindingHashes[name]; hash != "" {
		ours[AnnotationBindingHash] = hash
	}
	if wish := restartOf(in.Cluster.Annotations[AnnotationRestart], name); wish != "" && !slices.Contains(component.Jobs(), name) {
		ours[AnnotationRestart] = wish
	}
	return union(overrides(in, name).Annotations, ours)
}

// restartOf reads one value for all components, or a list of <component>=<value>.
func restartOf(annotation string, name component.Name) string {
	if !strings.Contains(annotation, "=") {
		return strings.TrimSpace(annotation)
	}
	for pair := range strings.SplitSeq(annotation, ",") {
		if who, wish, _ := strings.Cut(pair, "="); strings.TrimSpace(who) == string(name) {
			return strings.TrimSpace(wish)
		}
	}
	return ""
}

func tolerations(in Input, name component.Name) []*corev1ac.TolerationApplyConfiguration {
	var list []*corev1ac.TolerationApplyConfiguration
	for _, wanted := range overrides(in, name).Tolerations {
		list = append(list, &corev1ac.TolerationApplyConfiguration{
			Key:               optional(wanted.Key),
			Operator:          optional(corev1.TolerationOperator(wanted.Operator)),
			Value:             optional(wanted.Value),
			Effect:            optional(corev1.TaintEffect(wanted.Effect)),
			TolerationSeconds: wanted.TolerationSeconds,
		})
	}
	return list
}

// optional is nil for the empty value, which no builder emits.
func optional[T comparable](value T) *T {
	var empty T
	if value == empty {
		return nil
	}
	return &value
}
