// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

const crdFolder = "../../config/crd/bases"

// renderings are the charts in every way in which they make other objects.
func renderings(t *testing.T) map[string][]*unstructured.Unstructured {
	t.Helper()
	return map[string][]*unstructured.Unstructured{
		"crds":       render(t, "parley-crds", "charts/parley-crds"),
		"cluster":    render(t, wholeCluster()...),
		"namespaced": render(t, someNamespaces()...),
		"production": render(t, wholeCluster("--values", "charts/parley-operator/values-production.yaml",
			"--set-json", `metrics.from=[{"namespaceSelector":{}}]`, "--set", "image.digest=sha256:"+strings.Repeat("0", 64),
			"--set", "priorityClassName=system-cluster-critical,nodeSelector.pool=system,podLabels.team=chat,podAnnotations.a=b",
			"--set-json", `tolerations=[{"operator":"Exists"}]`, "--set-json", `image.pullSecrets=[{"name":"pull"}]`,
			"--set-json", `extraObjects=[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"more","namespace":"{{ .Release.Namespace }}"}}]`)...),
		"chat": render(t, oneChat("--set", "wait=true", "--set-json", `spec.image={"repository":"r.example.com/parley","pullSecrets":[{"name":"pull"}]}`)...),
	}
}

func adminClient(t *testing.T) client.Client {
	t.Helper()
	_, config := apiservertest.Start(t, crdFolder)
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parley-system", "parley", "chat", "team", "other"} {
		if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestTheAPIServerTakesEveryObject with unknown fields refused.
func TestTheAPIServerTakesEveryObject(t *testing.T) {
	t.Parallel()
	all := renderings(t)
	c := adminClient(t)
	for name, objects := range all {
		if name == "crds" {
			continue // the server runs with it
		}
		for _, object := range objects {
			if object.GetNamespace() == "" && !strings.HasPrefix(object.GetKind(), "Cluster") {
				t.Errorf("%s: %s %s names no namespace", name, object.GetKind(), object.GetName())
			}
			err := c.Create(t.Context(), object.DeepCopy(), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
			if err != nil {
				t.Errorf("%s: %s %s: %v", name, object.GetKind(), object.GetName(), err)
			}
		}
	}
}

// TestEveryPodPassesRestricted asks the evaluator that the API server has built in.
func TestEveryPodPassesRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted, seen := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, 0
	for name, objects := range renderings(t) {
		for _, object := range objects {
			meta, spec := podOf(t, object)
			if spec == nil {
				continue
			}
			seen++
			for _, result := range evaluator.EvaluatePod(restricted, meta, spec) {
				if !result.Allowed {
					t.Errorf("%s: %s: %s: %s", name, object.GetName(), result.ForbiddenReason, result.ForbiddenDetail)
				}
			}
			if limit := spec.Containers[0].Resources.Limits.Memory(); limit.IsZero() {
				t.Errorf("%s: %s has no limit of memory", name, object.GetName())
			}
		}
	}
	if want := 3*2 + 2; seen != want { // operator and test three times, probe and wait
		t.Errorf("judged %d pods, want %d", seen, want)
	}
}

// podOf answers what an object runs, nil if it runs nothing.
func podOf(t *testing.T, object *unstructured.Unstructured) (*metav1.ObjectMeta, *corev1.PodSpec) {
	t.Helper()
	path := []string{"spec", "template"}
	switch object.GetKind() {
	case "Pod":
		path = nil
	case "Deployment", "Job":
	default:
		return nil, nil
	}
	tree, _, err := unstructured.NestedMap(object.Object, path...)
	template := &corev1.PodTemplateSpec{}
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(tree, template)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &template.ObjectMeta, &template.Spec
}

// TestTestsAreNobodyElses: the pods of helm test get no requests, and no policy of others closes them.
func TestTestsAreNobodyElses(t *testing.T) {
	t.Parallel()
	for name, objects := range renderings(t) {
		for _, pod := range objects {
			if pod.GetKind() != "Pod" {
				continue
			}
			policies := 0
			for _, other := range objects {
				path := map[string][]string{"Deployment": {"spec", "selector", "matchLabels"}, "PodDisruptionBudget": {"spec", "selector", "matchLabels"}, "NetworkPolicy": {"spec", "podSelector", "matchLabels"}}[other.GetKind()]
				selector, found, err := unstructured.NestedStringMap(other.Object, path...)
				if err != nil || path == nil || !found || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.GetLabels())) {
					continue
				}
				if other.GetKind() != "NetworkPolicy" || other.GetAnnotations()["helm.sh/hook"] == "" {
					t.Errorf("%s: %s %s selects the test %s", name, other.GetKind(), other.GetName(), pod.GetName())
				}
				policies++
			}
			if policies != 1 {
				t.Errorf("%s: %d policies for the test %s", name, policies, pod.GetName())
			}
		}
	}
}

// TestTheChartAndTheManifestsAreOne: dist, what kustomize builds, and the chart with its defaults.
func TestTheChartAndTheManifestsAreOne(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		overlay, file string
		args          []string
	}{
		{"default", "install", wholeCluster("--skip-tests")},
		{"default-namespaced", "install-namespaced", []string{
			"parley-operator", "charts/parley-operator", "--namespace", "parley", "--set", "watchNamespaces={parley}", "--skip-tests",
		}},
	} {
		chart := byName(render(t, row.args...))
		if row.overlay == "default" {
			maps.Copy(chart, byName(render(t, "parley-crds", "charts/parley-crds", "--set", "keep=false")))
		}
		built, err := tool(t, "kustomize", "build", "config/"+row.overlay)
		if err != nil {
			t.Fatal(built)
		}
		kustomized := byName(split(t, built))
		for key, object := range kustomized {
			if strings.HasPrefix(key, "Namespace/") { // Helm makes it by itself
				if object.GetLabels()["pod-security.kubernetes.io/enforce"] != "restricted" {
					t.Errorf("%s does not enforce restricted", key)
				}
				delete(kustomized, key)
			}
		}
		if diff := cmp.Diff(chart, kustomized); diff != "" {
			t.Errorf("%s: chart and kustomize differ (-chart +kustomize):\n%s", row.overlay, diff)
		}
		dist, err := os.ReadFile("../../dist/" + row.file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, text, _ := strings.Cut(string(dist), "\n"); text != built {
			t.Errorf("dist/%s.yaml is not what kustomize builds: run make manifests", row.file)
		}
	}
}

// byName leaves out the one label that tells who installed.
func byName(objects []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	all := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		object = object.DeepCopy()
		unstructured.RemoveNestedField(object.Object, "metadata", "labels", "app.kubernetes.io/managed-by")
		unstructured.RemoveNestedField(object.Object, "spec", "template", "metadata", "labels", "app.kubernetes.io/managed-by")
		all[object.GetKind()+"/"+object.GetNamespace()+"/"+object.GetName()] = object
	}
	return all
}
