// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// testSearch: an index comes to a cluster that runs. What its Secret lacks is named while everything else goes
// on; then only the user and the message service get new pods, and again when it goes away.
func testSearch(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.Elasticsearch = &chatv1alpha1.Elasticsearch{
			Source: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "acme-search"}},
		}
	})
	w.settle(t, immortal())
	w.checkLost(t, "ElasticsearchSecretMissing", []string{`"acme-search"`})
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-search"},
		StringData: map[string]string{"host": "search"},
	}
	w.mustCreate(t, secret)
	w.settle(t, immortal())
	w.checkLost(t, "ElasticsearchKeyMissing", []string{`"username"`, `"acme-search"`})
	before := w.deployment(t, "acme-friend").Generation
	secret.StringData = map[string]string{"username": "parley", "password": "hidden"}
	if err := w.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	sees := func(name string) bool {
		return slices.ContainsFunc(w.deployment(t, name).Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == "binding-elasticsearch"
		})
	}
	for name, want := range map[string]bool{"acme-user": true, "acme-friend": false, "acme-message": true} {
		if got := sees(name); got != want {
			t.Errorf("%s sees the Secret: %t, want %t", name, got, want)
		}
	}
	if got := w.deployment(t, "acme-friend").Generation; got != before {
		t.Errorf("friend was rolled: generation %d, before %d", got, before)
	}
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.Elasticsearch = nil })
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if sees("acme-message") || sees("acme-user") {
		t.Error("a pod sees a Secret that the spec names no more")
	}
}

// testWithdrawnIndex: an index that lost events is named with its cause while it is filled; one that is filled for the
// first time is no fault.
func testWithdrawnIndex(t *testing.T, w world) {
	w.installSearch(t, nil)
	w.answers = "0.1.0"
	for _, row := range []struct {
		index     component.IndexStatus
		status    metav1.ConditionStatus
		reason    string
		says      []string
		available string
	}{
		{
			component.IndexStatus{Kind: "messages", Cause: component.IndexOverflow, Written: 1_234_567},
			metav1.ConditionFalse,
			chatv1alpha1.ReasonSearchIndexWithdrawn,
			[]string{"index of messages", "more events waited", "1200000 written", "search is unavailable"},
			chatv1alpha1.ReasonDegraded,
		},
		{
			component.IndexStatus{Kind: "people", Cause: component.IndexUncollected},
			metav1.ConditionFalse,
			chatv1alpha1.ReasonSearchIndexWithdrawn,
			[]string{"index of people", "nobody collected"},
			chatv1alpha1.ReasonDegraded,
		},
		{
			component.IndexStatus{Kind: "messages", Written: 7},
			metav1.ConditionTrue,
			chatv1alpha1.ReasonSearchIndexFilling,
			[]string{"index of messages is being filled", "7 written"},
			chatv1alpha1.ReasonServing,
		},
		{component.IndexStatus{Kind: "messages", Whole: true}, metav1.ConditionTrue, chatv1alpha1.ReasonBound, nil, chatv1alpha1.ReasonServing},
	} {
		w.index = &row.index
		w.settle(t, immortal())
		want := chatv1alpha1.ReasonReconciled
		if row.status == metav1.ConditionFalse {
			want = chatv1alpha1.ReasonDependencyNotReady
		}
		w.checkReady(t, row.status, want)
		conditions := w.cluster(t).Status.Conditions
		got := meta.FindStatusCondition(conditions, chatv1alpha1.ConditionDependenciesReady)
		if got.Status != row.status || got.Reason != row.reason {
			t.Errorf("%+v: DependenciesReady is %+v", row.index, got)
		}
		for _, words := range row.says {
			if !strings.Contains(got.Message, words) {
				t.Errorf("the message does not say %q: %s", words, got.Message)
			}
		}
		available := meta.FindStatusCondition(conditions, chatv1alpha1.ConditionAvailable)
		if available.Status != metav1.ConditionTrue || available.Reason != row.available {
			t.Errorf("%+v: Available is %+v", row.index, available)
		}
	}
}
