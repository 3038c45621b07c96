// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/hack/cluster/binaries"
	"github.com/parley-chat/parley/hack/retry"
)

// What the tests wait for. Each bounds a wait; none is a promise of the product.
const (
	patience    = 4 * time.Minute
	lookEvery   = 500 * time.Millisecond
	podSecurity = "pod-security.kubernetes.io/enforce"
)

// kube is a namespace of the cluster: read through the API, changed with the commands that people use.
type kube struct {
	client.Client
	root, namespace string
}

// openKube makes a namespace that lasts as long as the test.
func openKube(t *testing.T, namespace string) kube {
	t.Helper()
	root, err := binaries.Root()
	if err != nil {
		t.Fatal(err)
	}
	k := kube{root: root, namespace: namespace}
	config, err := clientcmd.BuildConfigFromFlags("", k.kubeconfig())
	if err != nil {
		t.Fatalf("the local cluster does not run: make kube-demo starts it: %v", err)
	}
	log.SetLogger(logr.Discard())
	kinds := scheme.Scheme
	if err := chatv1alpha1.AddToScheme(kinds); err != nil {
		t.Fatal(err)
	}
	if k.Client, err = client.New(config, client.Options{Scheme: kinds}); err != nil {
		t.Fatal(err)
	}
	k.removeNamespace(t) // of an earlier run that was cut short
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{podSecurity: "restricted"}}}
	if err := k.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			k.explain(t)
		}
		k.removeNamespace(t)
	})
	return k
}

// removeNamespace does not wait for drains: nobody is served any more.
func (k kube) removeNamespace(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	object := &corev1.Namespace{}
	if err := k.Get(ctx, client.ObjectKey{Name: k.namespace}, object); apierrors.IsNotFound(err) {
		return
	}
	for _, args := range [][]string{
		{"delete", "namespace", k.namespace, "--wait=false"},
		{"-n", k.namespace, "delete", "pods", "--all", "--grace-period=1", "--wait=false"},
	} {
		if _, err := k.kubectl(ctx, args...); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.kubectl(ctx, "wait", "--for=delete", "namespace/"+k.namespace, "--timeout=3m"); err != nil {
		t.Errorf("the namespace hangs: %v", err)
	}
}

// explain shows what is there after a failure.
func (k kube) explain(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, args := range [][]string{
		{"-n", k.namespace, "get", "chat,pods,jobs", "-o", "wide"},
		{"-n", k.namespace, "get", "chat", "-o", "jsonpath={range .items[*].status.conditions[*]}{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}"},
		{"-n", k.namespace, "get", "events", "--sort-by=.lastTimestamp"},
		{"-n", operatorNamespace, "logs", "deployment/parley-operator", "--tail=30"},
	} {
		text, err := k.kubectl(ctx, args...)
		t.Logf("kubectl %s\n%s%v", strings.Join(args, " "), tail(text, 6000), err)
	}
}

func tail(text string, n int) string {
	return text[max(0, len(text)-n):]
}

func (k kube) kubeconfig() string {
	return filepath.Join(k.root, ".cache", "cluster", "state", "kubeconfig")
}

// run executes a program in the repository and answers its output; an error holds what it said.
func (k kube) run(ctx context.Context, name string, args ...string) (string, error) {
	return k.feed(ctx, "", name, args...)
}

func (k kube) feed(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Stdin = k.root, strings.NewReader(input)
	command.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig())
	var said strings.Builder
	command.Stderr = &said
	text, err := command.Output()
	if err != nil {
		return string(text), fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, said.String()+string(text))
	}
	return string(text), nil
}

func (k kube) kubectl(ctx context.Context, args ...string) (string, error) {
	return k.run(ctx, filepath.Join(k.root, ".cache", "cluster", "bin", "kubectl"), args...)
}

// here is kubectl in the namespace.
func (k kube) here(ctx context.Context, args ...string) (string, error) {
	return k.kubectl(ctx, append([]string{"-n", k.namespace}, args...)...)
}

func (k kube) helm(ctx context.Context, args ...string) (string, error) {
	return k.run(ctx, filepath.Join(k.root, "hack", "tool.sh"), append([]string{"helm"}, args...)...)
}

// node is hack/cluster's way to a node.
func (k kube) node(ctx context.Context, verb, number string) error {
	_, err := k.run(ctx, k.cluster(), verb, number)
	return err
}

// load builds a program, with further flags of go build, and brings its image into the cluster.
func (k kube) load(t *testing.T, image, source string, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	name, _, _ := strings.Cut(path.Base(image), ":")
	program, archive := filepath.Join(dir, name), filepath.Join(dir, name+".tar")
	t.Setenv("CGO_ENABLED", "0")
	build := append([]string{"go", "build", "-trimpath", "-o", program}, flags...)
	for _, command := range [][]string{
		append(build, source),
		{filepath.Join(k.root, ".cache", "images", "image"), "-name", image, "-binary", program, "-o", archive},
		{k.cluster(), "load", archive},
	} {
		if _, err := k.run(t.Context(), command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
}

// cluster is the program of hack/cluster that kube-demo has built.
func (k kube) cluster() string { return filepath.Join(k.root, ".cache", "kubedemo", "cluster") }

// apply makes or changes objects, as `kubectl apply` does.
func (k kube) apply(ctx context.Context, objects ...any) error {
	for _, object := range objects {
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		kubectl := filepath.Join(k.root, ".cache", "cluster", "bin", "kubectl")
		if _, err := k.feed(ctx, string(text), kubectl, "-n", k.namespace, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
			return err
		}
	}
	return nil
}

// secret makes or changes a Secret.
func (k kube) secret(ctx context.Context, name string, entries map[string]string) error {
	return k.apply(ctx, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": entries,
	})
}

// until waits for a condition of the cluster.
func until(ctx context.Context, check func(ctx context.Context) error) error {
	return retry.Until(ctx, patience, lookEvery, check)
}
