// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

// TestAgainstARealAPIServer does what the recorded one may have too simple an idea of: the recorded objects
// pass the schema, a patch and an eviction are what the server expects, and completion finds names.
func TestAgainstARealAPIServer(t *testing.T) {
	t.Parallel()
	environment, config := apiservertest.Start(t, "../../config/crd/bases")
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, environment.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	kinds, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: kinds})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try := func(args ...string) (string, error) {
		var out bytes.Buffer
		root := (&plugin{out: &out, now: moment, every: 10 * time.Millisecond}).root()
		root.SetArgs(append([]string{"--kubeconfig", kubeconfig, "-n", "chat"}, args...))
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}

	must(c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "chat"}}))
	var chat chatv1alpha1.ChatCluster
	must(yaml.UnmarshalStrict([]byte(read(t, "testdata/ready.yaml")), &chat))
	status := chat.Status
	chat.ResourceVersion, chat.UID = "", ""
	must(c.Create(t.Context(), &chat))
	chat.Status = status
	must(c.Status().Update(t.Context(), &chat))
	pod := gatewayPod()
	must(c.Create(t.Context(), pod))
	// A pod that does not run may be evicted against any budget.
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	must(c.Status().Update(t.Context(), pod))

	page, err := try("status")
	must(err)
	if !strings.Contains(page, "Next: nothing to do") {
		t.Errorf("got %s", page)
	}
	_, err = try("restart", "demo", "message")
	must(err)
	must(c.Get(t.Context(), client.ObjectKeyFromObject(&chat), &chat))
	if got := chat.Annotations[chatv1alpha1.AnnotationRestart]; got != "message=2026-11-25T10:00:00Z" || chat.Generation != 1 {
		t.Errorf("annotation %q, generation %d: the spec must not change", got, chat.Generation)
	}
	offered, err := try("__complete", "drain", "")
	must(err)
	if !slices.Contains(strings.Split(offered, "\n"), pod.Name) {
		t.Errorf("%s is not offered:\n%s", pod.Name, offered)
	}

	// No controller counts disruptions here, so a budget allows none.
	one := intstr.FromInt32(1)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "demo-gateway"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: &metav1.LabelSelector{MatchLabels: pod.Labels}},
	}
	must(c.Create(t.Context(), budget))
	if _, err = try("drain", pod.Name); err == nil || !strings.Contains(err.Error(), "the PodDisruptionBudget allows no further eviction") {
		t.Errorf("against the budget: %v", err)
	}
	must(c.Delete(t.Context(), budget))
	followed, err := try("drain", pod.Name)
	must(err)
	if !strings.HasSuffix(followed, pod.Name+" is gone\n") {
		t.Errorf("got %s", followed)
	}
}

func gatewayPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "demo-gateway-0-5f4b7-aaaaa", Labels: map[string]string{
			"app.kubernetes.io/instance": "demo", "app.kubernetes.io/component": "gateway", "app.kubernetes.io/managed-by": "parley-operator",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "gateway", Image: "parley-chat/parley:0.2.0"}}},
	}
}
