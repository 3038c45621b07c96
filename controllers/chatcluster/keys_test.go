// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// testOlderKeys: keys that an older operator made lack those of components that came later. They come beside in
// a Secret of their own; what is there is never written, and what is lost is not made anew unasked.
func testOlderKeys(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	first := &corev1.Secret{}
	if err := w.Get(t.Context(), w.object("acme-keys"), first); err != nil {
		t.Fatal(err)
	}
	later := []string{
		component.FileLinkKey, component.PrivateKey(component.File), component.PublicKey(component.File),
		component.PrivateKey(component.Speech), component.PublicKey(component.Speech),
	}
	slices.Sort(later)
	maps.DeleteFunc(first.Data, func(entry string, _ []byte) bool { return slices.Contains(later, entry) })
	if err := w.Update(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	second := &corev1.Secret{}
	if err := w.Get(t.Context(), w.object("acme-keys-2"), second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(later, slices.Sorted(maps.Keys(second.Data))); diff != "" {
		t.Error(diff)
	}
	after := &corev1.Secret{}
	if err := w.Get(t.Context(), w.object("acme-keys"), after); err != nil || after.ResourceVersion != first.ResourceVersion {
		t.Errorf("the first Secret was written: %v", err)
	}
	var sources []string
	for _, volume := range w.deployment(t, "acme-user").Spec.Template.Spec.Volumes {
		if volume.Name == "keys" {
			for _, source := range volume.Projected.Sources {
				sources = append(sources, source.Secret.Name)
			}
		}
	}
	if diff := cmp.Diff([]string{"acme-keys", "acme-keys-2"}, sources); diff != "" {
		t.Error(diff)
	}
	idle := immortal()
	w.settle(t, idle)
	if len(idle.writes) > 0 {
		t.Errorf("idle, but it writes %q", idle.writes)
	}
	w.remove(t, second)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonKeysMissing)
	w.checkMessage(t, "acme-keys-2")
	w.annotate(t, chatv1alpha1.AnnotationRecreateKeys, "yes")
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
}
