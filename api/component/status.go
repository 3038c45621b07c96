// SPDX-License-Identifier: Apache-2.0

package component

// Class of a dependency as a pod sees it.
type Class string

// The classes. Nothing else of an error leaves a pod.
const (
	ClassReachable   Class = "Reachable"
	ClassUnreachable Class = "Unreachable"
	ClassAuthFailed  Class = "AuthFailed"
	ClassTLSFailed   Class = "TLSFailed"
	ClassUnfit       Class = "Unfit" // another product or version, or what lies there is foreign
	// ClassProgramMissing: the image lacks a program, without which the dependency is of no use.
	ClassProgramMissing Class = "ProgramMissing"
)

// Status is the JSON that a pod answers at StatusPath. It holds no address, no name of a person and no
// secret. Fields that do not apply are absent.
type Status struct {
	// Component and Version say what runs.
	Component Name   `json:"component"`
	Version   string `json:"version"`
	// Ready is what ReadyPath answers.
	Ready bool `json:"ready"`
	// Dependencies by name; one that was never used is absent.
	Dependencies map[Dependency]Class `json:"dependencies,omitempty"`
	// Gateway is there in a gateway pod.
	Gateway *GatewayStatus `json:"gateway,omitempty"`
	// Reindex is there in the pod that fills the search index anew.
	Reindex *ReindexStatus `json:"reindex,omitempty"`
	// Index is there in a pod that keeps an index of texts, once it has seen it.
	Index *IndexStatus `json:"index,omitempty"`
}

// IndexStatus is how an index of texts is. People search only one that is whole.
type IndexStatus struct {
	// Kind of texts: messages or people.
	Kind string `json:"kind"`
	// Whole tells that it holds all texts.
	Whole bool `json:"whole"`
	// Cause why it was withdrawn; empty where this pod does not know of one.
	Cause IndexCause `json:"cause,omitempty"`
	// Written texts of the fill that goes on.
	Written int64 `json:"written,omitempty"`
}

// IndexCause says why an index lacks texts.
type IndexCause string

// The causes.
const (
	// IndexOverflow: the queue of its events was full, and the oldest are gone.
	IndexOverflow IndexCause = "Overflow"
	// IndexUncollected: the queue of its events was not there, so that nobody collected them.
	IndexUncollected IndexCause = "Uncollected"
)

// ReindexStatus is how far a rebuild of the search index is.
type ReindexStatus struct {
	// Done messages of Total, which were counted when the process began.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// GatewayStatus is what a gateway pod tells of its sessions.
type GatewayStatus struct {
	// Seat of the pod.
	Seat uint32 `json:"seat"`
	// Sessions that are connected here, and those of them whose home is elsewhere.
	Sessions int `json:"sessions"`
	Guests   int `json:"guests"`
	// RingMembers is the count of seats in the pod's view of the ring.
	RingMembers int `json:"ringMembers"`
	// Drain is there once the pod ends.
	Drain *DrainStatus `json:"drain,omitempty"`
}

// DrainStatus is the progress of a drain.
type DrainStatus struct {
	// StartedAt and Deadline in milliseconds since the epoch.
	StartedAt int64 `json:"startedAt"`
	Deadline  int64 `json:"deadline"`
	// Remaining sessions, and whether the budget had to be exceeded.
	Remaining int  `json:"remaining"`
	Overdue   bool `json:"overdue"`
}

// Exit codes of the Jobs; others may be tried again.
const (
	// ExitDirty: a change was begun and not finished by an earlier run.
	ExitDirty = 20
	// ExitConfiguration: settings or credentials are wrong.
	ExitConfiguration = 21
	// ExitOwned: the schemas belong to another ChatCluster.
	ExitOwned = 22
)

// MigrationResult is the JSON that the Job leaves as its termination message, at most 4 KiB.
type MigrationResult struct {
	// Schemas are the versions after the run, by component.
	Schemas map[Name]int64 `json:"schemas,omitempty"`
	// Dependencies as the checks before the change found them.
	Dependencies map[Dependency]Class `json:"dependencies,omitempty"`
	// Reason in one word when it failed: Dirty, LockHeld, OwnedByAnother, Configuration, Unreachable,
	// AuthFailed, TLSFailed, Failed.
	Reason string `json:"reason,omitempty"`
	// Durability of what MySQL commits: Durable, ReplicaAcknowledged, Weak, Unknown.
	Durability string `json:"durability,omitempty"`
}

// ReindexResult is the JSON that the Job of a rebuild leaves as its termination message.
type ReindexResult struct {
	ReindexStatus `json:",inline"`
	// Store that was in the way, and Reason in one word when it failed: Configuration, Unreachable, AuthFailed,
	// TLSFailed, Unfit, Failed.
	Store  Dependency `json:"store,omitempty"`
	Reason string     `json:"reason,omitempty"`
}
