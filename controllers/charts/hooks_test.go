// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

// hookDeadline bounds one run of helm.
const hookDeadline = 2 * time.Minute

// stage is an API server for a real helm, on which the test plays the kubelet.
type stage struct {
	client.Client
	kubeconfig string
}

func newStage(t *testing.T) stage {
	t.Helper()
	environment, config := apiservertest.Start(t, crdFolder)
	c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	person, err := environment.AddUser(envtest.User{Name: "person", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := person.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	s := stage{c, filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(s.kubeconfig, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// helm runs against the API server; meanwhile ends the hook that it waits for.
func (s stage) helm(t *testing.T, hook client.Object, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hookDeadline)
	defer cancel()
	played := make(chan error, 1)
	go func() {
		if hook == nil {
			played <- nil
			return
		}
		played <- s.play(ctx, hook)
	}()
	out, err := tool(t, append([]string{"helm", "--kubeconfig", s.kubeconfig}, args...)...)
	if err != nil {
		cancel()
		t.Fatalf("helm %v: %s; hook: %v", args, out, <-played)
	}
	if err := <-played; err != nil {
		t.Fatalf("helm %v did not wait for its hook: %v", args, err)
	}
}

// play waits for a hook, looks what it finds around it, and lets it succeed.
func (s stage) play(ctx context.Context, hook client.Object) error {
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		err := s.Get(ctx, client.ObjectKeyFromObject(hook), hook)
		return err == nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		return err
	}
	for _, needed := range needs(hook) {
		if err := s.Get(ctx, client.ObjectKeyFromObject(needed), needed); err != nil {
			return err
		}
	}
	now := metav1.Now()
	switch hook := hook.(type) {
	case *corev1.Pod:
		hook.Status.Phase = corev1.PodSucceeded
	case *batchv1.Job:
		hook.Status.StartTime, hook.Status.CompletionTime, hook.Status.Succeeded = &now, &now, 1
		for _, kind := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
			hook.Status.Conditions = append(hook.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
		}
	}
	return s.Status().Update(ctx, hook)
}

// needs are the objects that must be there before the pod of a hook, and as long as it runs.
func needs(hook client.Object) []client.Object {
	in := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	if hook.GetNamespace() == "chat" {
		return []client.Object{
			&networkingv1.NetworkPolicy{ObjectMeta: in("chat", "demo-probe")},
			&networkingv1.NetworkPolicy{ObjectMeta: in("chat", "demo-gateway-from-probe")},
		}
	}
	const system, name = "parley-system", "parley-operator-test"
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: in(system, name)},
		&rbacv1.Role{ObjectMeta: in(system, name)}, &rbacv1.RoleBinding{ObjectMeta: in(system, name)},
		&rbacv1.Role{ObjectMeta: in(system, name+"-sample")}, &rbacv1.RoleBinding{ObjectMeta: in(system, name+"-sample")},
		&networkingv1.NetworkPolicy{ObjectMeta: in(system, name)},
	}
}

// TestHelmRunsTheTests with a real helm: what a test needs is there before it, and nothing stays behind.
func TestHelmRunsTheTests(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	operatorTest := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "parley-system", Name: "parley-operator-test"}}
	chatTest := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "demo-probe"}}
	chatWait := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "demo-wait"}}

	s.helm(t, nil, append([]string{"install", "--create-namespace"}, wholeCluster()...)...)
	s.helm(t, operatorTest, "test", "-n", "parley-system", "parley-operator")
	s.helm(t, chatWait, append([]string{"install", "--create-namespace", "--set", "wait=true"}, oneChat()...)...)
	s.helm(t, chatTest, "test", "-n", "chat", "demo")
	for _, hook := range []client.Object{operatorTest, chatTest, chatWait} {
		for _, gone := range append(needs(hook), hook) {
			if err := s.Get(t.Context(), client.ObjectKeyFromObject(gone), gone); !apierrors.IsNotFound(err) && gone.GetDeletionTimestamp() == nil {
				t.Errorf("%T %s stays: %v", gone, gone.GetName(), err)
			}
		}
	}
	// The chat goes by its own release, whatever happens to the operator before.
	s.helm(t, nil, "uninstall", "-n", "parley-system", "parley-operator")
	s.helm(t, nil, "uninstall", "-n", "chat", "demo")
	checkNothingLeft(t, s)
}

// checkNothingLeft looks for what the two releases have made.
func checkNothingLeft(t *testing.T, s stage) {
	t.Helper()
	for _, list := range []client.ObjectList{
		&networkingv1.NetworkPolicyList{}, &rbacv1.ClusterRoleList{}, &rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleList{}, &corev1.ServiceAccountList{},
	} {
		if err := s.List(t.Context(), list, client.HasLabels{"app.kubernetes.io/name"}); err != nil {
			t.Fatal(err)
		}
		left, err := meta.ExtractList(list)
		if err != nil || len(left) != 0 {
			t.Errorf("%d objects are left: %v, %v", len(left), left, err)
		}
	}
}
