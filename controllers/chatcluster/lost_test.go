// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

func (w world) object(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.key.Namespace, Name: name}
}

func (w world) deployment(t *testing.T, name string) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := w.Get(t.Context(), w.object(name), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// isGone tells whether an object is not there.
func (w world) isGone(t *testing.T, name string, o client.Object) bool {
	t.Helper()
	err := w.Get(t.Context(), w.object(name), o)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

// testLostSecret: pods that read a lost Secret stay as they are, and everything else goes on.
func testLostSecret(t *testing.T, c client.WithWatch) {
	for name, lose := range map[string]struct {
		do     func(*testing.T, world)
		reason string
		names  []string
	}{
		"the Secret is gone": {
			func(t *testing.T, w world) {
				w.remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-mysql"}})
			},
			"MySQLSecretMissing",
			[]string{`"acme-mysql"`},
		},
		"a key is gone": {
			func(t *testing.T, w world) {
				secret := &corev1.Secret{}
				if err := w.Get(t.Context(), w.object("acme-mysql"), secret); err != nil {
					t.Fatal(err)
				}
				delete(secret.Data, "password")
				if err := w.Update(t.Context(), secret); err != nil {
					t.Fatal(err)
				}
			},
			"MySQLKeyMissing",
			[]string{`"acme-mysql"`, `"password"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c)
			w.mustCreate(t, w.secret("other"))
			w.mustCreate(t, w.newCluster(t, func(c *chatv1alpha1.ChatCluster) {
				c.Spec.Services.Transmit = &chatv1alpha1.Service{Workload: chatv1alpha1.Workload{Autoscaling: &chatv1alpha1.Autoscaling{MaxReplicas: 4}}}
			}))
			w.settle(t, immortal())
			readers := []string{"acme-user", "acme-friend", "acme-message"}
			before := map[string]*appsv1.Deployment{}
			for _, reader := range readers {
				before[reader] = w.deployment(t, reader)
			}
			lose.do(t, w)
			w.settle(t, immortal())
			w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonDependencyNotReady)
			w.checkLost(t, lose.reason, lose.names)

			// Two seats more, two pods of a reader more, no autoscaler, and other gateways.
			three := int32(3)
			replicas(4)(t, w)
			w.change(t, func(c *chatv1alpha1.ChatCluster) {
				c.Spec.Services.User = &chatv1alpha1.Service{Replicas: &three}
				c.Spec.Services.Transmit = nil
				c.Spec.Services.Gateway.Drain.SessionsPerSecond = new(int32(500))
				c.Spec.Services.Gateway.MaxSessionsPerPod = new(int32(10_000))
			})
			w.settle(t, immortal())
			w.checkLost(t, lose.reason, lose.names)
			if got := w.deployment(t, "acme-gateway-3"); got.Status.AvailableReplicas != 1 {
				t.Error("the gateway did not scale out")
			}
			for _, env := range w.deployment(t, "acme-gateway-0").Spec.Template.Spec.Containers[0].Env {
				if env.Name == "PARLEY_GATEWAY_MAX_SESSIONS" && env.Value != "10000" {
					t.Errorf("the gateway was not rolled: %s", env.Value)
				}
			}
			if !w.isGone(t, "acme-transmit", &autoscalingv2.HorizontalPodAutoscaler{}) {
				t.Error("the autoscaler was not pruned")
			}
			if got := *w.deployment(t, "acme-user").Spec.Replicas; got != three {
				t.Errorf("%d pods of user", got)
			}
			for _, reader := range readers {
				if diff := cmp.Diff(before[reader].Spec.Template, w.deployment(t, reader).Spec.Template); diff != "" {
					t.Errorf("pods of %s were replaced: %s", reader, diff)
				}
			}
			replicas(2)(t, w)
			w.settle(t, immortal())
			if !w.isGone(t, "acme-gateway-3", &appsv1.Deployment{}) || w.isGone(t, "acme-gateway-0", &appsv1.Deployment{}) {
				t.Error("the gateway did not scale in")
			}
			idle := immortal()
			w.settle(t, idle)
			if len(idle.writes) > 0 {
				t.Errorf("idle, but it writes %q", idle.writes)
			}
			// No Job can change schemas whose Secret is lost, so no pod may have the new version.
			version("0.2.0")(t, w)
			w.settle(t, immortal())
			if got := w.onImage(t, newImage); len(got) > 0 {
				t.Errorf("of the new version: %v", got)
			}
			w.remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-mysql"}})
			w.mustCreate(t, w.secret("mysql"))
			w.settle(t, immortal())
			w.checkDone(t, "0.2.0")
		})
	}
}

func (w world) checkLost(t *testing.T, reason string, names []string) {
	t.Helper()
	condition := meta.FindStatusCondition(w.cluster(t).Status.Conditions, chatv1alpha1.ConditionDependenciesReady)
	if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != reason {
		t.Fatalf("DependenciesReady is %+v", condition)
	}
	for _, name := range names {
		if !strings.Contains(condition.Message, name) {
			t.Errorf("%q does not name %s", condition.Message, name)
		}
	}
}

// testLostBroker: everything reads it, so nothing is replaced; a NetworkPolicy with the port of the Secret
// must not fall back to the usual one.
func testLostBroker(t *testing.T, w world) {
	secret := &corev1.Secret{}
	if err := w.Get(t.Context(), w.object("acme-rabbitmq"), secret); err != nil {
		t.Fatal(err)
	}
	secret.Data["port"] = []byte("5999")
	if err := w.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	policy := &networkingv1.NetworkPolicy{}
	if err := w.Get(t.Context(), w.object("acme-gateway"), policy); err != nil {
		t.Fatal(err)
	}
	names := []string{"acme-gateway-0", "acme-gateway-1", "acme-transmit"}
	before := map[string]appsv1.DeploymentSpec{}
	for _, name := range names {
		before[name] = w.deployment(t, name).Spec
	}
	w.remove(t, secret)
	replicas(3)(t, w)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.LogLevel = "debug" })
	w.settle(t, immortal())
	w.checkLost(t, "RabbitMQSecretMissing", []string{`"acme-rabbitmq"`})
	now := &networkingv1.NetworkPolicy{}
	if err := w.Get(t.Context(), w.object("acme-gateway"), now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(policy.Spec, now.Spec); diff != "" {
		t.Error(diff)
	}
	if !w.isGone(t, "acme-gateway-2", &appsv1.Deployment{}) {
		t.Error("a seat was added that cannot start")
	}
	for _, name := range names {
		if diff := cmp.Diff(before[name], w.deployment(t, name).Spec); diff != "" {
			t.Errorf("%s was changed: %s", name, diff)
		}
	}
}

// testLostAtOnce: before the first pods there is nothing to go on with.
func testLostAtOnce(t *testing.T, w world) {
	w.remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-mysql"}})
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkLost(t, "MySQLSecretMissing", []string{`"acme-mysql"`})
	var list appsv1.DeploymentList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace)); err != nil || len(list.Items) > 0 {
		t.Errorf("%d Deployments, %v", len(list.Items), err)
	}
}

// testCredentials: a Job that the database refused is made again when the Secret has changed, and not before.
// Once it went well, a rotated Secret is no reason for another.
func testCredentials(t *testing.T, w world) {
	w.refused = true
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonMigrationFailed)
	w.refused = false
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonMigrationFailed)
	for _, password := range []string{"corrected", "rotated"} {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: w.key.Namespace, Name: "acme-mysql"}
		if err := w.Get(t.Context(), key, secret); err != nil {
			t.Fatal(err)
		}
		secret.Data["password"] = []byte(password)
		if err := w.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		w.settle(t, immortal())
		w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
		var jobs batchv1.JobList
		if err := w.List(t.Context(), &jobs, client.InNamespace(w.key.Namespace)); err != nil {
			t.Fatal(err)
		}
		if len(jobs.Items) != 2 {
			t.Errorf("%s: %d Jobs, want the one that failed and the one that went well", password, len(jobs.Items))
		}
	}
}
