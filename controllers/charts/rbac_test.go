// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// rights are the objects of RBAC, in the order of the chart.
func rights(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool {
		return o.GroupVersionKind().Group != rbacv1.GroupName
	})
}

// ring is what the operator gives to the pods of a ChatCluster.
func ring(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	sample, err := os.ReadFile("../../config/samples/chatcluster-dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := chatv1alpha1.Decode(sample)
	if err != nil {
		t.Fatal(err)
	}
	cluster.Namespace, cluster.UID = "chat", "6f1c9c0e-5b0a-4c3e-9d0b-2f6f1f3f7a11"
	in := manifest.Input{Cluster: cluster.WithDefaults()}
	children := []any{manifest.RingRole(in)}
	for _, binding := range manifest.RingRoleBindings(in) {
		children = append(children, binding)
	}
	return split(t, stream(t, children))
}

func stream[T any](t *testing.T, objects []T) string {
	t.Helper()
	var text strings.Builder
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n" + string(document))
	}
	return text.String()
}

func trees(objects []*unstructured.Unstructured) []map[string]any {
	var all []map[string]any
	for _, object := range objects {
		all = append(all, object.Object)
	}
	return all
}

// TestRightsAreTheGoldenOnes: a right more or less shows in a review.
func TestRightsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	for name, objects := range map[string][]*unstructured.Unstructured{
		"cluster": rights(render(t, wholeCluster()...)), "namespaced": rights(render(t, someNamespaces()...)), "ring": ring(t),
	} {
		got, golden := stream(t, trees(objects)), "testdata/rbac-"+name+".yaml"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: run with -update when this is meant (-want +got):\n%s", name, diff)
		}
		checkNarrow(t, name, objects)
	}
}

// checkNarrow: no rule that gives more than it says.
func checkNarrow(t *testing.T, name string, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		for _, rule := range rulesOf(t, object) {
			for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs) {
				if strings.Contains(word, "*") || slices.Contains([]string{"escalate", "bind", "impersonate", "pods/exec"}, word) {
					t.Errorf("%s: %s holds %s", name, object.GetName(), word)
				}
			}
			if object.GetKind() == "ClusterRole" && name == "namespaced" {
				t.Errorf("%s: there is the ClusterRole %s", name, object.GetName())
			}
		}
	}
}

func rulesOf(t *testing.T, object *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	text, err := yaml.Marshal(object.Object)
	var role rbacv1.ClusterRole
	if err == nil {
		err = yaml.Unmarshal(text, &role)
	}
	if err != nil {
		t.Fatal(err)
	}
	return role.Rules
}

// TestTheServerGrantsWhatTheRolesSay asks a real API server as the accounts themselves, in each namespace.
func TestTheServerGrantsWhatTheRolesSay(t *testing.T) {
	t.Parallel()
	cluster, namespaced := rights(render(t, wholeCluster()...)), rights(render(t, someNamespaces()...))
	_, config := apiservertest.Start(t, crdFolder)
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parley-system", "parley", "chat", "team", "other"} {
		namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
		namespace.SetName(name)
		if err := c.Create(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	for _, object := range slices.Concat(cluster, namespaced, ring(t)) {
		if err := c.Create(t.Context(), object.DeepCopy()); err != nil {
			t.Fatal(err)
		}
	}
	of := func(objects []*unstructured.Unstructured, namespace, name string) []string {
		return lines(rulesIn(t, objects, namespace, name))
	}
	all := slices.Concat(of(cluster, "", "parley-operator"), of(cluster, "", "parley-operator-metrics"))
	every := account("parley-system", "parley-operator")
	some := account("parley", "parley-operator")
	tests := account("parley", "parley-operator-test")
	for _, row := range []struct {
		who       rest.ImpersonationConfig
		namespace string
		want      []string
	}{
		{every, "other", all},
		{every, "parley-system", slices.Concat(all, of(cluster, "parley-system", "parley-operator-leader"))},
		{some, "chat", of(namespaced, "chat", "parley-operator")},
		{some, "team", of(namespaced, "team", "parley-operator")},
		{some, "parley", of(namespaced, "parley", "parley-operator-leader")},
		{some, "other", nil},
		{tests, "parley", of(namespaced, "parley", "parley-operator-test")},
		{tests, "chat", of(namespaced, "chat", "parley-operator-test-sample")},
		{tests, "team", nil},
		{account("chat", "demo-gateway"), "chat", of(ring(t), "chat", "demo-ring")},
		{account("chat", "demo-"+string(component.Transmit)), "chat", of(ring(t), "chat", "demo-ring")},
		{account("chat", "demo-user"), "chat", nil},
		{account("chat", "demo-gateway"), "team", nil},
	} {
		slices.Sort(row.want)
		if diff := cmp.Diff(slices.Compact(row.want), granted(t, config, row.who, row.namespace)); diff != "" {
			t.Errorf("%s in %s (-roles +server):\n%s", row.who.UserName, row.namespace, diff)
		}
	}
	for _, who := range []rest.ImpersonationConfig{every, some} {
		checkRefused(t, config, who)
	}
}

// checkRefused names what an operator that was taken over must not do.
func checkRefused(t *testing.T, config *rest.Config, who rest.ImpersonationConfig) {
	t.Helper()
	k := as(t, config, who)
	for _, wish := range []authorizationv1.ResourceAttributes{
		{Verb: "list", Resource: "secrets"},
		{Verb: "watch", Resource: "secrets"},
		{Verb: "update", Resource: "secrets"},
		{Verb: "delete", Resource: "secrets"},
		{Verb: "create", Resource: "pods"},
		{Verb: "create", Resource: "pods", Subresource: "exec"},
		{Verb: "create", Resource: "serviceaccounts", Subresource: "token"},
		{Verb: "get", Resource: "configmaps"},
		{Verb: "delete", Resource: "namespaces"},
		{Verb: "update", Group: "chat.parley.dev", Resource: "chatclusters"},
		{Verb: "patch", Group: "chat.parley.dev", Resource: "chatclusters"},
		{Verb: "delete", Group: "chat.parley.dev", Resource: "chatclusters"},
		{Verb: "escalate", Group: rbacv1.GroupName, Resource: "roles"},
		{Verb: "bind", Group: rbacv1.GroupName, Resource: "roles"},
		{Verb: "create", Group: rbacv1.GroupName, Resource: "clusterroles"},
		{Verb: "create", Group: rbacv1.GroupName, Resource: "clusterrolebindings"},
		{Verb: "impersonate", Resource: "users"},
		{Verb: "patch", Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"},
		{Verb: "create", Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations"},
	} {
		wish.Namespace = "chat"
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &wish}}
		answer, err := k.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil || answer.Status.Allowed {
			t.Errorf("%s may %s %s %s: %v", who.UserName, wish.Verb, wish.Resource, wish.Subresource, err)
		}
	}
}

func account(namespace, name string) rest.ImpersonationConfig {
	return rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + name,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
}

func as(t *testing.T, config *rest.Config, who rest.ImpersonationConfig) kubernetes.Interface {
	t.Helper()
	theirs := rest.CopyConfig(config)
	theirs.Impersonate = who
	k, err := kubernetes.NewForConfig(theirs)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// granted is what an account may do in a namespace beyond what every account may.
func granted(t *testing.T, config *rest.Config, who rest.ImpersonationConfig, namespace string) []string {
	t.Helper()
	may := func(who rest.ImpersonationConfig) []string {
		review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
		answer, err := as(t, config, who).AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err != nil || answer.Status.Incomplete || answer.Status.EvaluationError != "" {
			t.Fatalf("%s: %v, %+v", who.UserName, err, answer.Status.EvaluationError)
		}
		var rules []rbacv1.PolicyRule
		for _, rule := range answer.Status.ResourceRules {
			rules = append(rules, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames, Verbs: rule.Verbs})
		}
		return lines(rules)
	}
	nobody := may(account("other", "nobody"))
	own := slices.DeleteFunc(may(who), func(line string) bool { return slices.Contains(nobody, line) })
	slices.Sort(own)
	if len(own) == 0 {
		return nil
	}
	return slices.Compact(own)
}

func rulesIn(t *testing.T, objects []*unstructured.Unstructured, namespace, name string) []rbacv1.PolicyRule {
	t.Helper()
	for _, object := range objects {
		if object.GetName() == name && object.GetNamespace() == namespace && strings.HasSuffix(object.GetKind(), "Role") {
			return rulesOf(t, object)
		}
	}
	t.Fatalf("there is no role %s in %q", name, namespace)
	return nil
}

// lines has one for each verb on each resource.
func lines(rules []rbacv1.PolicyRule) []string {
	var all []string
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, strings.TrimSpace(verb+" "+group+"/"+resource+" "+strings.Join(rule.ResourceNames, ",")))
				}
			}
		}
	}
	return all
}
