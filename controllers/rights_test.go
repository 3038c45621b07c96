// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

// asOperator makes the test program the operator, so that each run is a process of its own.
const asOperator = "PARLEY_TEST_AS_OPERATOR"

func TestMain(m *testing.M) {
	if os.Getenv(asOperator) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestTheOperatorLivesOnItsRights runs the program with the arguments and as the account of the manifests:
// caches, lease, Events, every child and the status need a right each.
func TestTheOperatorLivesOnItsRights(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ file, namespace, room string }{
		{"install", "parley-system", "chat"},
		{"install-namespaced", "parley", "parley"},
	} {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			deployment := s.install(t, row.file)
			s.order(t, row.room)
			output := s.operate(t, row.namespace, deployment.Spec.Template.Spec.Containers[0].Args)
			s.await(t, output, "a migration Job", func(ctx context.Context) (bool, error) { return s.completeJob(ctx, row.room) })
			s.await(t, output, "the Deployments", func(ctx context.Context) (bool, error) {
				var list appsv1.DeploymentList
				err := s.List(ctx, &list, client.InNamespace(row.room), client.MatchingLabels{"app.kubernetes.io/instance": "demo"})
				return len(list.Items) == 6, err // all components but speech, which is not bound
			})
			s.await(t, output, "the status", func(ctx context.Context) (bool, error) {
				demo := &chatv1alpha1.ChatCluster{}
				err := s.Get(ctx, client.ObjectKey{Namespace: row.room, Name: "demo"}, demo)
				stalled := meta.FindStatusCondition(demo.Status.Conditions, chatv1alpha1.ConditionStalled)
				return err == nil && stalled != nil && stalled.Status == metav1.ConditionFalse && len(demo.Status.Services) == len(component.All()), err
			})
			s.await(t, output, "a lease", func(ctx context.Context) (bool, error) {
				var list coordinationv1.LeaseList
				err := s.List(ctx, &list, client.InNamespace(row.namespace))
				return len(list.Items) == 1, err
			})
			s.await(t, output, "an Event", func(ctx context.Context) (bool, error) {
				var list eventsv1.EventList
				err := s.List(ctx, &list, client.InNamespace(row.room))
				return len(list.Items) > 0, err
			})
			if text := output.String(); strings.Contains(text, "forbidden") {
				t.Errorf("the operator lacks a right: %s", text)
			}
		})
	}
}

// site is an API server with the kind, without any controller.
type site struct {
	client.Client
	environment *envtest.Environment
}

func newSite(t *testing.T) site {
	t.Helper()
	environment, config := apiservertest.Start(t, "../config/crd/bases")
	kinds := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(kinds), chatv1alpha1.AddToScheme(kinds)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: kinds})
	if err != nil {
		t.Fatal(err)
	}
	return site{c, environment}
}

// install applies a file of dist, but for the kind, which is there, and the Deployment, which it answers.
func (s site) install(t *testing.T, file string) *appsv1.Deployment {
	t.Helper()
	text, err := os.ReadFile("../dist/" + file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployment := &appsv1.Deployment{}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		switch object.GetKind() {
		case "CustomResourceDefinition":
		case "Deployment":
			if err := yaml.Unmarshal([]byte(document), deployment); err != nil {
				t.Fatal(err)
			}
		default:
			if err := s.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
	}
	return deployment
}

// order makes a ChatCluster and what it names.
func (s site) order(t *testing.T, room string) {
	t.Helper()
	sample, err := os.ReadFile("../config/samples/chatcluster-dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	chat, err := chatv1alpha1.Decode(sample)
	if err != nil {
		t.Fatal(err)
	}
	chat.Namespace = room
	objects := []client.Object{chat}
	for _, store := range []string{"mysql", "rabbitmq"} {
		objects = append(objects, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: room, Name: "demo-" + store},
			StringData: map[string]string{"host": store + ".example.com", "username": "parley", "password": "for the test"},
		})
	}
	if err := client.IgnoreAlreadyExists(s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: room}})); err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if err := s.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// operate runs the operator until the test ends.
func (s site) operate(t *testing.T, namespace string, args []string) logFile {
	t.Helper()
	account, err := s.environment.AddUser(envtest.User{
		Name: "system:serviceaccount:" + namespace + ":parley-operator", Groups: []string{"system:serviceaccounts", "system:authenticated"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := account.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	kubeconfig, log := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "log")
	if err := os.WriteFile(kubeconfig, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// Two operators on one machine would meet at the ports.
	args = append(args, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	process := exec.CommandContext(t.Context(), os.Args[0], args...)
	process.Env = append(os.Environ(), asOperator+"=1", "KUBECONFIG="+kubeconfig, "POD_NAMESPACE="+namespace)
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	process.WaitDelay = 10 * time.Second
	output, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	process.Stdout, process.Stderr = output, output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The context of the test has ended, and with it the operator.
		if err := process.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the operator ended: %v", err)
		}
		if err := output.Close(); err != nil {
			t.Error(err)
		}
	})
	return logFile(log)
}

// logFile is what the operator says.
type logFile string

func (l logFile) String() string {
	text, err := os.ReadFile(string(l))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s site) await(t *testing.T, output logFile, what string, done wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, done); err != nil {
		t.Fatalf("waited for %s: %v; the operator says:\n%s", what, err, output)
	}
}

// completeJob plays the controller of Jobs.
func (s site) completeJob(ctx context.Context, room string) (bool, error) {
	var list batchv1.JobList
	if err := s.List(ctx, &list, client.InNamespace(room)); err != nil || len(list.Items) == 0 {
		return false, err
	}
	job, now := &list.Items[0], metav1.Now()
	job.Status.StartTime, job.Status.CompletionTime, job.Status.Succeeded = &now, &now, 1
	for _, kind := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	return true, s.Status().Update(ctx, job)
}
