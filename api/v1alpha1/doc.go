// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of ChatCluster, the one object that describes a running Parley.
//
// The operator and `parley dev` read the same object by the same rules: Decode reads a manifest
// strictly, WithDefaults answers a copy with every default filled in, Validate answers all that is
// wrong at once. Nothing here changes the object that it is given.
//
// +kubebuilder:object:generate=true
// +groupName=chat.parley.dev
package v1alpha1
