// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Reasons of Events: the whole list.
const (
	eventInstalled          = "Installed"
	eventUpgradeStarted     = "UpgradeStarted"
	eventUpgradeCompleted   = "UpgradeCompleted"
	eventUpgradeFailed      = "UpgradeFailed"
	eventMigrationStarted   = "MigrationStarted"
	eventMigrationCompleted = "MigrationCompleted"
	eventMigrationFailed    = "MigrationFailed"
	eventDrainStarted       = "DrainStarted"
	eventDrainCompleted     = "DrainCompleted"
	eventScaled             = "Scaled"
	eventDependencyLost     = "DependencyLost"
	eventDependencyRestored = "DependencyRestored"
	eventKeysCreated        = "KeysCreated"
	eventSpecInvalid        = "SpecInvalid"
)

// tell sends an Event for each change that a person wants to see. It compares two statuses, so one change
// is one Event, whoever looks how often.
func (r *Reconciler) tell(cluster *chatv1alpha1.ChatCluster, before, after *chatv1alpha1.ChatClusterStatus) {
	say := func(kind, reason, action, note string, args ...any) {
		r.recorder.Eventf(cluster, nil, kind, reason, action, note, args...)
	}
	const normal, warning = corev1.EventTypeNormal, corev1.EventTypeWarning
	if before.KeysFingerprint == "" && after.KeysFingerprint != "" {
		say(normal, eventKeysCreated, "Bind", "the cluster's own keys are there")
	}
	if before.Version == "" && after.Version != "" {
		say(normal, eventInstalled, "Install", "version %s serves", after.Version)
	}
	if before.Version != "" && before.Replicas != after.Replicas {
		say(normal, eventScaled, "Scale", "%d gateway seats, were %d", after.Replicas, before.Replicas)
	}
	r.tellUpgrade(say, before.Upgrade, after)
	changed := func(kind string) (now string, became bool) {
		a, b := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
		if b == nil || a != nil && a.Status == b.Status && a.Reason == b.Reason {
			return "", false
		}
		return b.Reason, true
	}
	switch reason, became := changed(chatv1alpha1.ConditionSchemaReady); {
	case !became:
	case reason == chatv1alpha1.ReasonExpanding:
		say(normal, eventMigrationStarted, "Migrate", "the Job %s changes the schemas", after.Schema.Job)
	case reason == chatv1alpha1.ReasonUpToDate:
		say(normal, eventMigrationCompleted, "Migrate", "the schemas are up to date")
	case reason == chatv1alpha1.ReasonJobFailed || reason == chatv1alpha1.ReasonDirty || reason == chatv1alpha1.ReasonOwnedByAnother:
		say(warning, eventMigrationFailed, "Migrate", "the schemas could not be changed: %s", reason)
	}
	if reason, became := changed(chatv1alpha1.ConditionGatewayDraining); became && reason == chatv1alpha1.ReasonMoving {
		say(normal, eventDrainStarted, "Drain", "sessions move off a gateway pod")
	} else if became && reason == chatv1alpha1.ReasonIdle && len(before.Conditions) > 0 {
		say(normal, eventDrainCompleted, "Drain", "no gateway pod drains any more")
	}
	if reason, became := changed(chatv1alpha1.ConditionDependenciesReady); became && len(before.Conditions) > 0 {
		if reason == chatv1alpha1.ReasonReachable || reason == chatv1alpha1.ReasonBound {
			say(normal, eventDependencyRestored, "Bind", "the stores are bound")
		} else {
			say(warning, eventDependencyLost, "Bind", "a store is not there: %s", reason)
		}
	}
	if reason, became := changed(chatv1alpha1.ConditionStalled); became && reason == chatv1alpha1.ReasonInvalidSpec {
		say(warning, eventSpecInvalid, "Validate", "the spec breaks a rule: see the condition Stalled")
	}
}

func (r *Reconciler) tellUpgrade(say func(kind, reason, action, note string, args ...any), before *chatv1alpha1.UpgradeStatus, after *chatv1alpha1.ChatClusterStatus) {
	now := after.Upgrade
	switch {
	case before == nil && now != nil:
		say(corev1.EventTypeNormal, eventUpgradeStarted, "Upgrade", "from %s to %s", now.From, now.To)
	case before != nil && now == nil:
		say(corev1.EventTypeNormal, eventUpgradeCompleted, "Upgrade", "version %s serves", after.Version)
	case before != nil && now.Failed != nil && before.Failed == nil:
		say(corev1.EventTypeWarning, eventUpgradeFailed, "Upgrade", "%s: %s; the old pods go on serving", now.Failed.Version, now.Failed.Reason)
	}
}
