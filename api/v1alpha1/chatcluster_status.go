// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ChatClusterStatus is what was observed. It holds no secret, no address with credentials, no free text
// of a store, and no time that moves by itself.
type ChatClusterStatus struct {
	// ObservedGeneration is the generation that was evaluated to the end; never ahead of the conditions.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Version is the lowest that serves.
	Version string `json:"version,omitempty"`
	// TargetVersion is the one that is being installed.
	TargetVersion string `json:"targetVersion,omitempty"`
	// Ready pods and wanted pods, "15/17".
	Ready string `json:"ready,omitempty"`
	// Replicas of the gateway, for the scale subresource.
	Replicas int32 `json:"replicas,omitempty"`
	// Selector of the gateway's pods, for autoscalers.
	Selector string `json:"selector,omitempty"`
	// Endpoint where clients connect, wss://<host>/v1/ws.
	Endpoint string `json:"endpoint,omitempty"`
	// Services tell the state of each component.
	// +listType=map
	// +listMapKey=name
	Services []ServiceStatus `json:"services,omitempty"`
	// Gateway tells of sessions.
	Gateway *GatewayStatus `json:"gateway,omitempty"`
	// Schema tells of the database.
	Schema *SchemaStatus `json:"schema,omitempty"`
	// Search tells of the last rebuild of the search index that somebody asked for.
	Search *SearchStatus `json:"search,omitempty"`
	// Dependencies tell the state of each store.
	// +listType=map
	// +listMapKey=name
	Dependencies []DependencyStatus `json:"dependencies,omitempty"`
	// Upgrade is there from the start of a change of version until it has ended well.
	Upgrade *UpgradeStatus `json:"upgrade,omitempty"`
	// KeysFingerprint of the Secret with own keys: tells "missing after install" from "not yet made".
	KeysFingerprint string `json:"keysFingerprint,omitempty"`
	// Conditions tell the state in the form of the API conventions.
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ServiceStatus is the state of one component.
type ServiceStatus struct {
	// Name of the component.
	Name string `json:"name"`
	// Desired pods.
	Desired int32 `json:"desired"`
	// Ready pods, of any version.
	Ready int32 `json:"ready"`
	// Updated pods have the newest template.
	Updated int32 `json:"updated"`
	// Version is the lowest that serves.
	Version string `json:"version,omitempty"`
	// Reason is Converged, Waiting, Progressing, CrashLooping, ImagePullFailed, Unschedulable or Disabled.
	Reason string `json:"reason,omitempty"`
	// Message says what to do.
	Message string `json:"message,omitempty"`
}

// GatewayStatus tells of sessions.
type GatewayStatus struct {
	// Sessions of all pods, in two significant digits.
	Sessions int32 `json:"sessions"`
	// RingMembers is the count of seats that serve.
	RingMembers int32 `json:"ringMembers"`
	// Draining pods.
	// +listType=map
	// +listMapKey=pod
	Draining []DrainingPod `json:"draining,omitempty"`
}

// DrainingPod is a gateway pod whose sessions move away.
type DrainingPod struct {
	// Pod is its name.
	Pod string `json:"pod"`
	// Sessions that remain, in two significant digits.
	Sessions int32 `json:"sessions"`
	// StartedAt is when the drain began.
	StartedAt metav1.Time `json:"startedAt"`
	// Deadline is when the pod is killed.
	Deadline metav1.Time `json:"deadline"`
}

// SchemaStatus tells of the database.
type SchemaStatus struct {
	// Phase is Expanding, Expanded, Contracting, Current or Dirty.
	Phase string `json:"phase,omitempty"`
	// Versions of the schemas by component.
	Versions map[string]int64 `json:"versions,omitempty"`
	// Job that changed the schemas last.
	Job string `json:"job,omitempty"`
	// Attempts of that Job.
	Attempts int32 `json:"attempts,omitempty"`
}

// Phases of a rebuild of the search index.
const (
	// SearchWaiting: something must come first; the condition SearchRebuilding says what.
	SearchWaiting = "Waiting"
	// SearchRunning: a Job fills a new index.
	SearchRunning = "Running"
	// SearchCompleted: the new index serves.
	SearchCompleted = "Completed"
	// SearchFailed: it was given up; the old index serves.
	SearchFailed = "Failed"
	// SearchStopped: somebody took the wish back; the old index serves.
	SearchStopped = "Stopped"
)

// SearchStatus is the memory of a rebuild of the search index.
type SearchStatus struct {
	// Phase is Waiting, Running, Completed, Failed or Stopped.
	Phase string `json:"phase"`
	// Request is the value of the annotation chat.parley.dev/reindex that asked for it.
	Request string `json:"request"`
	// Number of the wish, counted from 1; it tells two of the same words apart.
	Number int64 `json:"number"`
	// Job that does it.
	Job string `json:"job,omitempty"`
	// Attempts of that Job, as far as its pods are there.
	Attempts int32 `json:"attempts,omitempty"`
	// StartedAt is when its first Job was made.
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// FinishedAt is when it ended, well or not.
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// Done messages of Total, as the Job told last; while it runs at most every ten seconds.
	Done int64 `json:"done,omitempty"`
	// Total messages, as counted when the Job's pod began.
	Total int64 `json:"total,omitempty"`
	// Reason as in the condition SearchRebuilding.
	Reason string `json:"reason,omitempty"`
}

// DependencyStatus is the state of one store.
type DependencyStatus struct {
	// Name of the dependency.
	Name string `json:"name"`
	// Source is secretRef or bindingRef.
	Source string `json:"source,omitempty"`
	// Secret that is read.
	Secret string `json:"secret,omitempty"`
	// Ready is True, False or Unknown.
	Ready metav1.ConditionStatus `json:"ready"`
	// Reason as in the condition DependenciesReady, without the name of the dependency.
	Reason string `json:"reason,omitempty"`
	// Durability of commits, of mysql only: Durable, ReplicaAcknowledged, Weak, Unknown.
	Durability string `json:"durability,omitempty"`
}

// UpgradeStatus is the memory of a change of version.
type UpgradeStatus struct {
	// From is the version that served before.
	From string `json:"from,omitempty"`
	// To is the version that is being installed.
	To string `json:"to"`
	// Step is Validate, Expand, Wave1 to Wave4 or Done.
	Step string `json:"step,omitempty"`
	// StartedAt is when it began.
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// Failed is there when it was given up: not tried again until the spec changes.
	Failed *FailedUpgrade `json:"failed,omitempty"`
}

// FailedUpgrade is an upgrade that was given up.
type FailedUpgrade struct {
	// Version that failed.
	Version string `json:"version"`
	// Reason as in the condition Stalled.
	Reason string `json:"reason"`
	// Generation of the spec that asked for it.
	Generation int64 `json:"generation"`
}
