// SPDX-License-Identifier: Apache-2.0

// Package charts_test tries the charts as Helm renders them, on a real API server where one is asked.
package charts_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write testdata")

// smallest is a spec that chart parley takes.
const smallest = `spec={"version":"0.1.0","profile":"Development","dependencies":{"mysql":{"secretRef":{"name":"demo-mysql"}},"rabbitmq":{"secretRef":{"name":"demo-rabbitmq"}}}}`

// Ways to install the operator, as arguments of helm.
func wholeCluster(more ...string) []string {
	return append([]string{"parley-operator", "charts/parley-operator", "--namespace", "parley-system", "--set", "scope=Cluster"}, more...)
}

func someNamespaces(more ...string) []string {
	return append([]string{"parley-operator", "charts/parley-operator", "--namespace", "parley", "--set", "watchNamespaces={chat,team}"}, more...)
}

func oneChat(more ...string) []string {
	return append([]string{"demo", "charts/parley", "--namespace", "chat", "--set-json", smallest}, more...)
}

// tool runs helm or kustomize from the root. hack/tool.sh builds them once, which takes minutes and
// downloads: only where servers are offered or required.
func tool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" && os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") != "1" {
		t.Skip("neither KUBEBUILDER_ASSETS nor PARLEY_TEST_REQUIRE_SERVERS is set, so helm is not built: run make test-go")
	}
	command := exec.CommandContext(t.Context(), "hack/tool.sh", args...)
	command.Dir = "../.."
	// Nothing of the machine's own settings, and no cluster.
	command.Env = append(os.Environ(), "HELM_PLUGINS="+t.TempDir(), "KUBECONFIG=/dev/null")
	var out, problem bytes.Buffer
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		return problem.String(), err
	}
	return out.String(), nil
}

// render answers the objects of a chart, hooks too.
func render(t *testing.T, args ...string) []*unstructured.Unstructured {
	t.Helper()
	text, err := tool(t, append([]string{"helm", "template", "--kube-version", "1.37.2"}, args...)...)
	if err != nil {
		t.Fatalf("helm template %v: %s", args, text)
	}
	return split(t, text)
}

// split reads a stream of documents.
func split(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+text, "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
	return all
}

func TestLint(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"charts/parley-crds"},
		{"charts/parley-operator"},
		{"charts/parley-operator", "--values", "charts/parley-operator/values-production.yaml", "--set", "scope=Cluster"},
		{"charts/parley-operator", "--set", "watchNamespaces={chat}"},
		{"charts/parley", "--set-json", smallest},
	} {
		if out, err := tool(t, append([]string{"helm", "lint", "--strict"}, args...)...); err != nil {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// TestValuesThatCannotWork: each row is refused with a text that says what to do.
func TestValuesThatCannotWork(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0", 64)
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"two replicas without leader election", wholeCluster("--set", "replicas=2,leaderElection=false"), "replicas above 1 need leaderElection: true"},
		{"Namespaced without namespaces", []string{"parley-operator", "charts/parley-operator"}, "scope Namespaced needs watchNamespaces"},
		{"Cluster with namespaces", wholeCluster("--set", "watchNamespaces={chat}"), "remove watchNamespaces"},
		{"a namespace twice", someNamespaces("--set", "watchNamespaces={chat,chat}"), "/watchNamespaces"},
		{"a namespace in upper case", someNamespaces("--set", "watchNamespaces={Chat}"), "/watchNamespaces/0"},
		{"an unknown scope", wholeCluster("--set", "scope=Everywhere"), "/scope"},
		{"an unknown key", wholeCluster("--set", "replica=2"), "replica"},
		{"an unknown key of the image", wholeCluster("--set", "image.name=x"), "/image"},
		{"an image without repository", wholeCluster("--set", "image.repository="), "/image/repository"},
		{"a tag in the repository", wholeCluster("--set", "image.repository=r.example.com/parley-operator:1"), "/image/repository"},
		{"a digest in the repository", wholeCluster("--set", "image.repository=r.example.com/parley-operator@sha256:"+digest), "/image/repository"},
		{"a tag with a blank", wholeCluster("--set", "image.tag=a b"), "/image/tag"},
		{"a short digest", wholeCluster("--set", "image.digest=sha256:00"), "/image/digest"},
		{"an unknown pull policy", wholeCluster("--set", "image.pullPolicy=Sometimes"), "/image/pullPolicy"},
		{"six replicas", wholeCluster("--set", "replicas=6"), "/replicas"},
		{"half a replica", wholeCluster("--set", "replicas=0.5"), "/replicas"},
		{"a binding kind without group", wholeCluster("--set", "bindingKinds={rabbitmqclusters}"), "/bindingKinds/0"},
		{"every kind of a group", wholeCluster("--set", "bindingKinds={*.rabbitmq.com}"), "/bindingKinds/0"},
		{"an unknown level", wholeCluster("--set", "logLevel=loud"), "/logLevel"},
		{"a poll without unit", wholeCluster("--set-string", "secretPoll=60"), "/secretPoll"},
		{"a port for root", wholeCluster("--set", "metrics.port=443"), "/metrics/port"},
		{"a label of the chart's own", wholeCluster("--set", `podLabels.app\.kubernetes\.io/name=x`), "remove app.kubernetes.io/name from podLabels"},
		{"no ChatCluster", []string{"demo", "charts/parley"}, "/spec"},
		{"a ChatCluster without RabbitMQ", []string{"demo", "charts/parley", "--set-json", `spec={"version":"0.1.0","dependencies":{"mysql":{}}}`}, "rabbitmq"},
		{"a ChatCluster without version", oneChat("--set", "spec.version="), "/spec/version"},
		{"an unknown profile", oneChat("--set", "spec.profile=Test"), "/spec/profile"},
		{"a name of 35", oneChat("--set", "name="+strings.Repeat("a", 35)), "/name"},
		{"an unknown key beside spec", oneChat("--set", "version=0.1.0"), "version"},
		{"a wait without unit", oneChat("--set-string", "probe.wait=5"), "/probe/wait"},
		{"an unknown key of the kind", []string{"parley-crds", "charts/parley-crds", "--set", "kept=true"}, "kept"},
		{"an old Kubernetes", wholeCluster("--kube-version", "1.33.0"), "1.34"},
	} {
		out, err := tool(t, append([]string{"helm", "template"}, row.args...)...)
		if err == nil || !strings.Contains(out, row.want) {
			t.Errorf("%s: got %v, want a refusal with %q: %s", row.name, err, row.want, out)
		}
	}
}

// TestNotesSayTheNextCommand reads what a person sees after an install.
func TestNotesSayTheNextCommand(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args []string
		want []string
	}{
		{[]string{"parley-crds", "charts/parley-crds"}, []string{"helm install parley-operator"}},
		{wholeCluster(), []string{"every namespace", "helm test -n parley-system parley-operator", "kubectl -n parley-system create secret", "helm install -n parley-system demo"}},
		{someNamespaces(), []string{"in chat,team", "helm test -n parley parley-operator", "kubectl -n chat create secret", "wait --for=condition=Ready chat/demo"}},
		{oneChat(), []string{"kubectl -n chat wait --for=condition=Ready chat/demo", "helm test -n chat demo"}},
	} {
		out, err := tool(t, append([]string{"helm", "install", "--dry-run=client"}, row.args...)...)
		_, notes, _ := strings.Cut(out, "NOTES:")
		if err != nil {
			t.Errorf("%v: %s", row.args, out)
		}
		for _, want := range row.want {
			if !strings.Contains(notes, want) {
				t.Errorf("%v: the notes lack %q: %s", row.args, want, notes)
			}
		}
	}
}

// TestOneOperatorAtATime: without a lease a rollout must not have two at work; with one they are apart.
func TestOneOperatorAtATime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		values, strategy string
		spread           int
	}{
		{"replicas=1,leaderElection=false", "Recreate", 0},
		{"replicas=1,leaderElection=true", "", 0},
		{"replicas=2,leaderElection=true", "", 1},
	} {
		for _, object := range render(t, wholeCluster("--set", row.values)...) {
			if object.GetKind() != "Deployment" {
				continue
			}
			strategy, _, _ := unstructured.NestedString(object.Object, "spec", "strategy", "type")
			spread, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "topologySpreadConstraints")
			if strategy != row.strategy || len(spread) != row.spread {
				t.Errorf("%s: strategy %q, %d constraints", row.values, strategy, len(spread))
			}
		}
	}
}

// TestTheKindStays: an uninstall of the chart must not delete every chat, unless it is asked to.
func TestTheKindStays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ keep, want string }{{"true", "keep"}, {"false", ""}} {
		objects := render(t, "parley-crds", "charts/parley-crds", "--set", "keep="+row.keep)
		if len(objects) != 1 || objects[0].GetKind() != "CustomResourceDefinition" {
			t.Fatalf("%d objects", len(objects))
		}
		if got := objects[0].GetAnnotations()["helm.sh/resource-policy"]; got != row.want {
			t.Errorf("keep=%s: the policy is %q", row.keep, got)
		}
	}
}
