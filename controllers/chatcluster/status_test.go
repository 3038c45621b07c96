// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// verdict is what tools that follow kstatus make of conditions.
func verdict(s *chatv1alpha1.ChatClusterStatus, generation int64) string {
	is := func(kind string) bool { return meta.IsStatusConditionTrue(s.Conditions, kind) }
	switch {
	case s.ObservedGeneration < generation:
		return "InProgress"
	case is(chatv1alpha1.ConditionStalled):
		return "Failed"
	case is(chatv1alpha1.ConditionReconciling), !is(chatv1alpha1.ConditionReady):
		return "InProgress"
	default:
		return "Current"
	}
}

// TestStatus looks at a cluster without children: how a pass ended decides.
func TestStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome error
		reason  string
		verdict string
	}{
		"a first pass":                  {nil, chatv1alpha1.ReasonInstalling, "InProgress"},
		"a spec that breaks a rule":     {stalled(chatv1alpha1.ReasonInvalidSpec, "correct it"), chatv1alpha1.ReasonInvalidSpec, "Failed"},
		"a name that somebody else has": {stalled(chatv1alpha1.ReasonNameConflict, "rename it"), chatv1alpha1.ReasonNameConflict, "Failed"},
		"a Secret that is missing":      {waiting(chatv1alpha1.ReasonDependencyNotReady, "create it", time.Minute), chatv1alpha1.ReasonDependencyNotReady, "InProgress"},
		"a Job that runs":               {waiting(chatv1alpha1.ReasonMigrationPending, "wait", time.Second), chatv1alpha1.ReasonMigrationPending, "InProgress"},
		"a server that does not answer": {errors.New("connection refused"), chatv1alpha1.ReasonInstalling, "InProgress"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := &chatv1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 3}}
			cluster.Spec.Version = "0.1.0"
			p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: &observed{}}
			s := statusOf(p, test.outcome, time.Unix(0, 0).UTC())
			ready := meta.FindStatusCondition(s.Conditions, chatv1alpha1.ConditionReady)
			if ready == nil || ready.Reason != test.reason || ready.Message == "" {
				t.Errorf("Ready is %+v", ready)
			}
			if len(s.Conditions) != 7 {
				t.Errorf("%d conditions", len(s.Conditions))
			}
			if got := verdict(&s, cluster.Generation); got != test.verdict {
				t.Errorf("kstatus %s, want %s", got, test.verdict)
			}
		})
	}
}
