// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"slices"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// told collects the reasons of Events.
type told []string

func (e *told) Eventf(_, _ runtime.Object, _, reason, _, _ string, _ ...any) { *e = append(*e, reason) }

// with makes a status with one condition.
func with(kind, reason string) chatv1alpha1.ChatClusterStatus {
	return chatv1alpha1.ChatClusterStatus{
		Version: "0.1.0", KeysFingerprint: "f", Schema: &chatv1alpha1.SchemaStatus{Job: "acme-migrate"},
		Search:     &chatv1alpha1.SearchStatus{Job: "acme-reindex"},
		Conditions: []metav1.Condition{{Type: kind, Reason: reason}},
	}
}

func upgrading(from, to, step, failed string) chatv1alpha1.ChatClusterStatus {
	s := chatv1alpha1.ChatClusterStatus{Version: "0.1.0", KeysFingerprint: "f"}
	s.Upgrade = &chatv1alpha1.UpgradeStatus{From: from, To: to, Step: step}
	if failed != "" {
		s.Upgrade.Failed = &chatv1alpha1.FailedUpgrade{Version: to, Reason: failed}
	}
	return s
}

func TestEventsOfTwoStatuses(t *testing.T) {
	t.Parallel()
	const draining, schema, stores = chatv1alpha1.ConditionGatewayDraining, chatv1alpha1.ConditionSchemaReady, chatv1alpha1.ConditionDependenciesReady
	const search = chatv1alpha1.ConditionSearchRebuilding
	const failed = chatv1alpha1.ReasonImagePullFailed
	idle := chatv1alpha1.ChatClusterStatus{Version: "0.1.0", KeysFingerprint: "f"}
	weak := idle
	weak.Dependencies = []chatv1alpha1.DependencyStatus{{Name: "mysql", Durability: "Weak"}}
	for name, test := range map[string]struct {
		before, after chatv1alpha1.ChatClusterStatus
		want          []string
	}{
		"nothing changes":               {idle, idle, nil},
		"a drain begins":                {with(draining, "Idle"), with(draining, "Moving"), []string{"DrainStarted"}},
		"a drain takes too long":        {with(draining, "Moving"), with(draining, "Overdue"), []string{"DrainOverdue"}},
		"a drain that is on time again": {with(draining, "Overdue"), with(draining, "Moving"), nil},
		"a drain ends":                  {with(draining, "Overdue"), with(draining, "Idle"), []string{"DrainCompleted"}},
		"the first look at drains":      {idle, with(draining, "Idle"), nil},
		"pods reach what is bound":      {with(stores, "Bound"), with(stores, "Reachable"), nil},
		"a Secret is lost":              {with(stores, "Reachable"), with(stores, "MySQLSecretMissing"), []string{"DependencyLost"}},
		"a Secret is back":              {with(stores, "MySQLSecretMissing"), with(stores, "Bound"), []string{"DependencyRestored"}},
		"MySQL may forget":              {idle, weak, []string{"WeakDurability"}},
		"MySQL may forget as before":    {weak, weak, nil},
		"a Job fails":                   {with(schema, "Expanding"), with(schema, "JobFailed"), []string{"MigrationFailed"}},
		"a rebuild begins":              {with(search, "Idle"), with(search, "Rebuilding"), []string{"RebuildStarted"}},
		"a rebuild ends":                {with(search, "Rebuilding"), with(search, "Rebuilt"), []string{"RebuildCompleted"}},
		"a rebuild fails":               {with(search, "Rebuilding"), with(search, "RebuildFailed"), []string{"RebuildFailed"}},
		"a rebuild takes too long":      {with(search, "Rebuilding"), with(search, "RebuildOverdue"), []string{"RebuildFailed"}},
		"a rebuild of no index":         {with(search, "Idle"), with(search, "NoSearchIndex"), []string{"RebuildFailed"}},
		"a rebuild is taken back":       {with(search, "RebuildWaiting"), with(search, "RebuildStopped"), []string{"RebuildStopped"}},
		"a rebuild has to wait":         {with(search, "Rebuilding"), with(search, "RebuildWaiting"), nil},
		"the first look at rebuilds":    {idle, with(search, "Idle"), nil},
		"an upgrade begins":             {idle, upgrading("0.1.0", "0.2.0", "Expand", ""), []string{"UpgradeStarted"}},
		"the first wave begins":         {upgrading("0.1.0", "0.2.0", "Expand", ""), upgrading("0.1.0", "0.2.0", "Wave1", ""), nil},
		"the second wave begins":        {upgrading("0.1.0", "0.2.0", "Wave1", ""), upgrading("0.1.0", "0.2.0", "Wave2", ""), []string{"WaveCompleted"}},
		"the last wave ends":            {upgrading("0.1.0", "0.2.0", "Wave4", ""), idle, []string{"WaveCompleted", "UpgradeCompleted"}},
		"a wave fails":                  {upgrading("0.1.0", "0.2.0", "Wave1", ""), upgrading("0.1.0", "0.2.0", "Wave1", failed), []string{"UpgradeFailed"}},
		"a wave has failed":             {upgrading("0.1.0", "0.2.0", "Wave1", failed), upgrading("0.1.0", "0.2.0", "Wave1", failed), nil},
		"the way back of what failed":   {upgrading("0.1.0", "0.2.0", "Wave1", failed), upgrading("0.2.0", "0.1.0", "Wave1", ""), []string{"RollbackStarted"}},
		"the way back of what had come": {idle, upgrading("0.2.0", "0.1.0", "Wave4", ""), []string{"RollbackStarted"}},
		"the end of the way back":       {upgrading("0.2.0", "0.1.0", "Wave1", ""), idle, []string{"WaveCompleted", "RolledBack"}},
		"another target before the end": {upgrading("0.1.0", "0.2.0", "Wave1", ""), upgrading("0.1.0", "0.2.1", "Expand", ""), []string{"UpgradeStarted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got told
			r := &Reconciler{recorder: &got, metrics: newMetrics()}
			r.tell(&chatv1alpha1.ChatCluster{}, &test.before, &test.after)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestAnAutoscalerThatDoesNotWorkIsToldOnce(t *testing.T) {
	t.Parallel()
	scaler := func(status corev1.ConditionStatus, reason string) *observed {
		s := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "acme-user"}}
		s.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.ScalingActive, Status: status, Reason: reason}}
		return &observed{children: map[string]client.Object{"HorizontalPodAutoscaler/acme-user": s}}
	}
	var got told
	r := &Reconciler{recorder: &got, metrics: newMetrics()}
	known := &record{}
	for _, seen := range []*observed{
		scaler(corev1.ConditionTrue, "ValidMetricFound"), scaler(corev1.ConditionFalse, "FailedGetResourceMetric"),
		scaler(corev1.ConditionFalse, "FailedGetResourceMetric"), scaler(corev1.ConditionFalse, "ScalingDisabled"),
	} {
		cluster := &chatv1alpha1.ChatCluster{}
		r.notice(&pass{cluster: cluster, wish: cluster.WithDefaults(), seen: seen, record: known})
	}
	if want := []string{"AutoscalerInactive"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
