// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
)

// nobody is the user and group of the image, and of the files of volumes.
const nobody = 65532

// podTemplate wraps a pod with the labels by which its owner finds it.
func podTemplate(in Input, name component.Name, more map[string]string, pod *corev1ac.PodSpecApplyConfiguration) *corev1ac.PodTemplateSpecApplyConfiguration {
	template := corev1ac.PodTemplateSpec().WithLabels(podLabels(in, name, more)).WithSpec(pod)
	if annotations := podAnnotations(in, name); len(annotations) > 0 {
		template.WithAnnotations(annotations)
	}
	return template
}

// podOf a component or of the Job around its container. It passes Pod Security "restricted".
func podOf(in Input, name component.Name, container *corev1ac.ContainerApplyConfiguration, graceSeconds int64) *corev1ac.PodSpecApplyConfiguration {
	m, wanted := mountsOf(in, name), overrides(in, name)
	pod := corev1ac.PodSpec().
		WithServiceAccountName(AccountName(in.Cluster.Name, name)).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(nobody).
			WithRunAsGroup(nobody).
			WithFSGroup(nobody).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container.WithVolumeMounts(m.places...)).
		WithVolumes(m.volumes...).
		WithTolerations(tolerations(in, name)...)
	if len(wanted.NodeSelector) > 0 {
		pod.WithNodeSelector(wanted.NodeSelector)
	}
	if place := affinity(in); place != nil {
		pod.WithAffinity(place)
	}
	if wanted.PriorityClassName != "" {
		pod.WithPriorityClassName(wanted.PriorityClassName)
	}
	if image := in.Cluster.Spec.Image; image != nil {
		for _, secret := range image.PullSecrets {
			pod.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(secret.Name))
		}
	}
	return pod
}

// containerOf has the program as its entry point; args say which part of it runs.
func containerOf(in Input, name component.Name, env environment, args ...string) *corev1ac.ContainerApplyConfiguration {
	resources := resourcesOf(in, name)
	if limit := memoryLimit(resources); limit != nil {
		env.add(envGoMemLimit, strconv.FormatInt(heapOf(name, limit.Value()), 10))
	}
	env.addOverrides(in, name)
	return corev1ac.Container().
		WithName(string(name)).
		WithImage(imageOf(in, name)).
		WithImagePullPolicy(pullPolicy(in)).
		WithArgs(args...).
		WithEnv(env...).
		WithResources(resources).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL")))
}

// imageOf is another one for speech: it runs programs beside ours.
func imageOf(in Input, name component.Name) string {
	if name == component.Speech && in.SpeechImage != "" {
		return in.SpeechImage
	}
	return in.Image
}

func pullPolicy(in Input) corev1.PullPolicy {
	if image := in.Cluster.Spec.Image; image != nil && image.PullPolicy != "" {
		return corev1.PullPolicy(image.PullPolicy)
	}
	return corev1.PullIfNotPresent
}

// withDoors adds the ports that a component listens on, and the probes.
func withDoors(container *corev1ac.ContainerApplyConfiguration, name component.Name) *corev1ac.ContainerApplyConfiguration {
	if name == component.Gateway {
		container.WithPorts(containerPort(component.PublicPortName, component.PublicPort))
	}
	if len(component.Callers(name)) > 0 {
		container.WithPorts(containerPort(component.RPCPortName, component.RPCPort))
	}
	return container.
		WithPorts(containerPort(component.OpsPortName, component.OpsPort)).
		WithStartupProbe(probe(component.LivePath, 2, 60)).
		WithReadinessProbe(probe(component.ReadyPath, 2, 2)).
		// Patient: a restart costs a gateway all its sessions.
		WithLivenessProbe(probe(component.LivePath, 10, 6))
}

func containerPort(name string, port int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithContainerPort(port).WithProtocol(corev1.ProtocolTCP)
}

func probe(path string, period, failures int32) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(component.OpsPortName))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(2).
		WithFailureThreshold(failures)
}
