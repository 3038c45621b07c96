// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Running lists the components that the spec asks for, in the order in which they start.
func Running(cluster *chatv1alpha1.ChatCluster) []component.Name {
	return slices.DeleteFunc(component.All(), func(name component.Name) bool { return !IsWanted(cluster, name) })
}

// IsWanted tells whether the spec asks for a component: for speech only with a provider. Files without an object
// store have a service, too, which says that they are unavailable.
func IsWanted(cluster *chatv1alpha1.ChatCluster, name component.Name) bool {
	return name != component.Speech || Uses(cluster, component.SpeechProvider)
}

// Uses tells whether the spec names a dependency that the programs of this version read.
func Uses(cluster *chatv1alpha1.ChatCluster, d component.Dependency) bool {
	spec := &cluster.Spec.Dependencies
	switch d {
	case component.Elasticsearch:
		return spec.Elasticsearch != nil
	case component.ObjectStore:
		return spec.ObjectStore != nil
	case component.SMS:
		return SendsCodes(cluster)
	case component.SpeechProvider:
		return spec.Speech != nil
	default:
		return true
	}
}

// serviceOf answers the settings that every component has.
func serviceOf(in Input, name component.Name) *chatv1alpha1.Service {
	services := &in.Cluster.Spec.Services
	switch name {
	case component.Gateway:
		return &chatv1alpha1.Service{Workload: services.Gateway.Workload, Replicas: services.Gateway.Replicas}
	case component.User:
		return services.User
	case component.Friend:
		return services.Friend
	case component.Message:
		return services.Message
	case component.Transmit:
		return services.Transmit
	case component.File:
		return &services.File.Service
	case component.Speech:
		return &services.Speech.Service
	default:
		return &chatv1alpha1.Service{}
	}
}

// IsAutoscaled tells whether a HorizontalPodAutoscaler owns the count of a component. The gateway's count
// is the number of its seats, which the operator chooses itself.
func IsAutoscaled(in Input, name component.Name) bool {
	return name != component.Gateway && serviceOf(in, name).Autoscaling != nil
}

// Replicas is the wanted count of a component; under an autoscaler only the first one.
func Replicas(in Input, name component.Name) int32 {
	if name == component.Gateway {
		return int32(len(in.Seats)) //nolint:gosec // at most 200 seats
	}
	if replicas := serviceOf(in, name).Replicas; replicas != nil {
		return *replicas
	}
	return 1
}
