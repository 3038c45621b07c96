// SPDX-License-Identifier: Apache-2.0

// Package manifest builds the children of a ChatCluster as apply configurations.
//
// Builders are pure: the same Input gives the same bytes. They take no client, clock or randomness, never
// emit an empty value, and sort maps before they become lists. Each kind has one file.
package manifest

import (
	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// FieldManager owns every field that the builders name.
const FieldManager = "parley-operator"

// ManagedBy is the value of the label app.kubernetes.io/managed-by on every child.
const ManagedBy = "parley-operator"

// Input is all that builders know.
type Input struct {
	// Cluster with its defaults (WithDefaults), and with namespace, name and UID. Never changed.
	Cluster *chatv1alpha1.ChatCluster
	// Image to run, with tag or digest.
	Image string
	// SpeechImage is what speech runs instead; empty: Image.
	SpeechImage string
	// Version is what the label app.kubernetes.io/version says.
	Version string
	// Bindings of the dependencies that are bound.
	Bindings map[component.Dependency]Binding
	// BindingHashes are the annotation of each reader's template; readers without bindings are absent.
	BindingHashes map[component.Name]string
	// Keys are the cluster's own: a Secret, and those that hold what it lacks because it is older.
	Keys []Keys
	// OperatorNamespace and OperatorLabels select the operator's pods, which poll the ops ports. Without a
	// namespace the operator is not a pod, and no rule lets it in.
	OperatorNamespace string
	OperatorLabels    map[string]string
	// Absent are components that the spec asks for and that do not start yet, because the Secret of their
	// provider is missing.
	Absent []component.Name
	// Seats of the gateway that are wanted, ascending.
	Seats []int32
}

// Keys are a Secret with keys of the cluster's own.
type Keys struct {
	Secret string
	// Entries that are read from it; a volume must not name one that is absent.
	Entries []string
}

// Binding is where the entries of a dependency come from.
type Binding struct {
	// Secret of the cluster's namespace.
	Secret string
	// Keys maps each entry that the Secret has to its key in the Secret.
	Keys map[string]string
	// Source is secretRef or bindingRef.
	Source string
	// Host and Port are what the entries say, the uri's too. They tell one store from another in
	// MigrationHash, and Port opens the NetworkPolicy. Port 0 is the store's usual one.
	Host string
	Port int32
}
