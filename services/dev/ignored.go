// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"strings"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// ignoredBy says in one line what of the manifest has no meaning in one process, or is embedded.
func ignoredBy(cluster *chatv1alpha1.ChatCluster) string {
	spec := &cluster.Spec
	var names []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"image", spec.Image != nil},
		{"exposure", spec.Exposure != nil},
		{"podTemplate", spec.PodTemplate != nil},
		{"keys", spec.Keys != nil},
		{"serviceAccounts", spec.ServiceAccounts != nil},
		{"upgrade", spec.Upgrade != nil},
		{"the settings of pods", hasPodSettings(&spec.Services)},
		{"dependencies (embedded)", true},
	} {
		if field.set {
			names = append(names, field.name)
		}
	}
	return "Ignored from the manifest, in one process: " + strings.Join(names, ", ")
}

// hasPodSettings tells whether a component has more than the settings that one process honours.
func hasPodSettings(services *chatv1alpha1.Services) bool {
	if services.File != nil || services.Speech != nil {
		return true
	}
	for _, service := range []*chatv1alpha1.Service{services.User, services.Friend, services.Message, services.Transmit} {
		if service != nil {
			return true
		}
	}
	gateway := services.Gateway
	return gateway != nil && (gateway.Resources != nil || gateway.Autoscaling != nil || gateway.PodTemplate != nil || gateway.Drain != nil)
}
