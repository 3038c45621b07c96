// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// Reasons of Events: the whole list.
const (
	eventInstalled          = "Installed"
	eventUpgradeStarted     = "UpgradeStarted"
	eventWaveCompleted      = "WaveCompleted"
	eventUpgradeCompleted   = "UpgradeCompleted"
	eventUpgradeFailed      = "UpgradeFailed"
	eventRollbackStarted    = "RollbackStarted"
	eventRolledBack         = "RolledBack"
	eventMigrationStarted   = "MigrationStarted"
	eventMigrationCompleted = "MigrationCompleted"
	eventMigrationFailed    = "MigrationFailed"
	eventRebuildStarted     = "RebuildStarted"
	eventRebuildCompleted   = "RebuildCompleted"
	eventRebuildFailed      = "RebuildFailed"
	eventRebuildStopped     = "RebuildStopped"
	eventDrainStarted       = "DrainStarted"
	eventDrainCompleted     = "DrainCompleted"
	eventDrainOverdue       = "DrainOverdue"
	eventScaled             = "Scaled"
	eventReplicasIgnored    = "ReplicasIgnored"
	eventAutoscalerInactive = "AutoscalerInactive"
	eventDependencyLost     = "DependencyLost"
	eventDependencyRestored = "DependencyRestored"
	eventBindingChanged     = "BindingChanged"
	eventKeysCreated        = "KeysCreated"
	eventSpecInvalid        = "SpecInvalid"
	eventWeakDurability     = "WeakDurability"
	eventAnnotationUnknown  = "AnnotationUnknown"
)

// say sends one Event about a ChatCluster.
type say func(kind, reason, action, note string, args ...any)

func (r *Reconciler) sayOf(cluster *chatv1alpha1.ChatCluster) say {
	return func(kind, reason, action, note string, args ...any) {
		r.recorder.Eventf(cluster, nil, kind, reason, action, note, args...)
	}
}

// change is one of a condition's reason.
type change struct{ from, to string }

// changeOf answers false if a condition has the reason that it had.
func changeOf(before, after *chatv1alpha1.ChatClusterStatus, kind string) (change, bool) {
	var c change
	if was := meta.FindStatusCondition(before.Conditions, kind); was != nil {
		c.from = was.Reason
	}
	if is := meta.FindStatusCondition(after.Conditions, kind); is != nil {
		c.to = is.Reason
	}
	return c, c.from != c.to && c.to != ""
}

// tell sends an Event for each change that a person wants to see, and counts what metrics count. It
// compares two statuses, so one change is one Event, whoever looks how often.
func (r *Reconciler) tell(cluster *chatv1alpha1.ChatCluster, before, after *chatv1alpha1.ChatClusterStatus) {
	say := r.sayOf(cluster)
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
	r.tellSchema(say, before, after)
	r.tellDrain(say, before, after)
	r.tellRebuild(say, before, after)
	if c, changed := changeOf(before, after, chatv1alpha1.ConditionDependenciesReady); changed && c.from != "" {
		switch {
		case !isBound(c.to):
			say(warning, eventDependencyLost, "Bind", "a store is not there: %s", c.to)
		case !isBound(c.from): // from bound to reachable nothing was lost
			say(normal, eventDependencyRestored, "Bind", "the stores are bound")
		}
	}
	if weakened(after) && !weakened(before) {
		say(warning, eventWeakDurability, "Migrate", "MySQL may lose what it has acknowledged when its machine fails: set innodb_flush_log_at_trx_commit and sync_binlog to 1")
	}
	if c, changed := changeOf(before, after, chatv1alpha1.ConditionStalled); changed && c.to == chatv1alpha1.ReasonInvalidSpec {
		say(warning, eventSpecInvalid, "Validate", "the spec breaks a rule: see the condition Stalled")
	}
}

func isBound(reason string) bool {
	return reason == chatv1alpha1.ReasonReachable || reason == chatv1alpha1.ReasonBound
}

func weakened(s *chatv1alpha1.ChatClusterStatus) bool {
	for _, d := range s.Dependencies {
		if d.Name == string(component.MySQL) {
			return d.Durability == "Weak"
		}
	}
	return false
}

func (r *Reconciler) tellUpgrade(say say, before *chatv1alpha1.UpgradeStatus, after *chatv1alpha1.ChatClusterStatus) {
	const normal, warning = corev1.EventTypeNormal, corev1.EventTypeWarning
	now := after.Upgrade
	if now != nil && (before == nil || before.To != now.To) {
		reason := eventUpgradeStarted
		if isBack(now) {
			reason = eventRollbackStarted
		}
		say(normal, reason, "Upgrade", "from %s to %s", now.From, now.To)
	}
	if before != nil && strings.HasPrefix(before.Step, "Wave") && (now == nil || now.To == before.To && now.Step != before.Step && now.Failed == nil) {
		say(normal, eventWaveCompleted, "Upgrade", "%s: %s run version %s", before.Step, membersOf(before.Step), before.To)
	}
	if before != nil && now == nil {
		reason := eventUpgradeCompleted
		if isBack(before) {
			reason = eventRolledBack
		}
		say(normal, reason, "Upgrade", "version %s serves", after.Version)
		r.metrics.upgrades.WithLabelValues("done").Inc()
	}
	if now != nil && now.Failed != nil && (before == nil || before.Failed == nil) {
		say(warning, eventUpgradeFailed, "Upgrade", "%s: %s; the old pods go on serving", now.Failed.Version, now.Failed.Reason)
		r.metrics.upgrades.WithLabelValues("failed").Inc()
	}
}

// membersOf a wave, Wave1 and so on.
func membersOf(step string) string {
	waves := rollout.Waves()
	number, err := strconv.Atoi(strings.TrimPrefix(step, "Wave"))
	if err != nil || number < 1 || number > len(waves) {
		return step
	}
	var names []string
	for _, name := range waves[number-1] {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}

func isBack(u *chatv1alpha1.UpgradeStatus) bool {
	return u.From != u.To && upgrade.Lowest(u.From, u.To) == u.To
}

func (r *Reconciler) tellSchema(say say, before, after *chatv1alpha1.ChatClusterStatus) {
	const normal, warning = corev1.EventTypeNormal, corev1.EventTypeWarning
	c, changed := changeOf(before, after, chatv1alpha1.ConditionSchemaReady)
	if !changed {
		return
	}
	switch c.to {
	case chatv1alpha1.ReasonExpanding:
		say(normal, eventMigrationStarted, "Migrate", "the Job %s changes the schemas", after.Schema.Job)
	case chatv1alpha1.ReasonUpToDate:
		say(normal, eventMigrationCompleted, "Migrate", "the schemas are up to date")
		r.metrics.migrations.WithLabelValues(stepExpand, "done").Inc()
	case chatv1alpha1.ReasonJobFailed, chatv1alpha1.ReasonDirty, chatv1alpha1.ReasonOwnedByAnother:
		say(warning, eventMigrationFailed, "Migrate", "the schemas could not be changed: %s", c.to)
		r.metrics.migrations.WithLabelValues(stepExpand, "failed").Inc()
	}
}

func (r *Reconciler) tellDrain(say say, before, after *chatv1alpha1.ChatClusterStatus) {
	c, changed := changeOf(before, after, chatv1alpha1.ConditionGatewayDraining)
	if !changed {
		return
	}
	switch {
	case c.to == chatv1alpha1.ReasonOverdue:
		say(corev1.EventTypeWarning, eventDrainOverdue, "Drain", "sessions move faster than the budget says: raise drain.timeout or sessionsPerSecond")
	case c.to == chatv1alpha1.ReasonMoving && c.from != chatv1alpha1.ReasonOverdue:
		say(corev1.EventTypeNormal, eventDrainStarted, "Drain", "sessions move off a gateway pod")
	case c.to == chatv1alpha1.ReasonIdle && c.from != "":
		say(corev1.EventTypeNormal, eventDrainCompleted, "Drain", "no gateway pod drains any more")
		outcome := "done"
		if c.from == chatv1alpha1.ReasonOverdue {
			outcome = "overdue"
		}
		r.metrics.drains.WithLabelValues(outcome).Inc()
	}
}

func (r *Reconciler) tellRebuild(say say, before, after *chatv1alpha1.ChatClusterStatus) {
	c, changed := changeOf(before, after, chatv1alpha1.ConditionSearchRebuilding)
	if !changed {
		return
	}
	const normal, action = corev1.EventTypeNormal, "Reindex"
	switch c.to {
	case chatv1alpha1.ReasonRebuilding:
		say(normal, eventRebuildStarted, action, "the Job %s fills a new search index while the old one serves", after.Search.Job)
	case chatv1alpha1.ReasonRebuilt:
		say(normal, eventRebuildCompleted, action, "the new search index serves")
		r.metrics.rebuilds.WithLabelValues("done").Inc()
	case chatv1alpha1.ReasonRebuildStopped:
		say(normal, eventRebuildStopped, action, "the wish for a new search index was taken back; the old one serves")
		r.metrics.rebuilds.WithLabelValues("stopped").Inc()
	case chatv1alpha1.ReasonRebuildFailed, chatv1alpha1.ReasonRebuildOverdue, chatv1alpha1.ReasonNoSearchIndex:
		say(corev1.EventTypeWarning, eventRebuildFailed, action, "%s; see the condition SearchRebuilding", c.to)
		r.metrics.rebuilds.WithLabelValues("failed").Inc()
	}
}
