// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// leftOut stands where something was that people may have put a secret into.
const leftOut = "left out"

// redact leaves out what people may have put secrets into.
func redact(object client.Object) {
	object.SetManagedFields(nil)
	redactAnnotations(object.GetAnnotations())
	switch o := object.(type) {
	case *chatv1alpha1.ChatCluster:
		redactCluster(&o.Spec)
	case *appsv1.Deployment:
		redactTemplate(&o.Spec.Template)
	case *appsv1.ReplicaSet:
		redactTemplate(&o.Spec.Template)
	case *batchv1.Job:
		redactTemplate(&o.Spec.Template)
	case *corev1.Pod:
		redactPod(&o.Spec)
	}
}

// redactAnnotations keeps those that the operator and Kubernetes write or read themselves.
func redactAnnotations(annotations map[string]string) {
	known := []string{
		chatv1alpha1.AnnotationRestart, chatv1alpha1.AnnotationReload, chatv1alpha1.AnnotationRetry, chatv1alpha1.AnnotationAdoptDatabase,
		chatv1alpha1.AnnotationRecreateKeys, chatv1alpha1.AnnotationReindex, chatv1alpha1.AnnotationBindingHash, "deployment.kubernetes.io/revision",
	}
	for key := range annotations {
		if !slices.Contains(known, key) {
			annotations[key] = leftOut
		}
	}
}

func redactCluster(spec *chatv1alpha1.ChatClusterSpec) {
	if exposure := spec.Exposure; exposure != nil {
		redactAnnotations(exposure.Annotations)
	}
	if accounts := spec.ServiceAccounts; accounts != nil {
		redactAnnotations(accounts.Annotations)
	}
	if template := spec.PodTemplate; template != nil {
		redactOverrides(template.Annotations, template.Env)
	}
	services := []*chatv1alpha1.Service{spec.Services.User, spec.Services.Friend, spec.Services.Message, spec.Services.Transmit}
	if gateway := spec.Services.Gateway; gateway != nil && gateway.PodTemplate != nil {
		redactOverrides(gateway.PodTemplate.Annotations, gateway.PodTemplate.Env)
	}
	for _, service := range services {
		if service != nil && service.PodTemplate != nil {
			redactOverrides(service.PodTemplate.Annotations, service.PodTemplate.Env)
		}
	}
}

func redactOverrides(annotations map[string]string, env []chatv1alpha1.EnvVar) {
	redactAnnotations(annotations)
	for i := range env {
		env[i].Value = leftOut
	}
}

func redactTemplate(template *corev1.PodTemplateSpec) {
	redactAnnotations(template.Annotations)
	redactPod(&template.Spec)
}

// redactPod keeps our own settings, which hold no secret, and leaves out all others.
func redactPod(spec *corev1.PodSpec) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			for j := range containers[i].Env {
				env := &containers[i].Env[j]
				if env.Value != "" && !isOpenSetting(env.Name) {
					env.Value = leftOut
				}
			}
		}
	}
}

// isOpenSetting: the two addresses may hold a password where somebody else than the operator sets them.
func isOpenSetting(name string) bool {
	return strings.HasPrefix(name, "PARLEY_") && name != component.EnvMySQLDSN && name != component.EnvAMQPURL
}
