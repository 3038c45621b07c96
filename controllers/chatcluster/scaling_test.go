// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// testSessions: seats come at once and go one by one, and only after a while.
func testSessions(t *testing.T, w world) {
	w.remember()
	w.sessions = map[string]int{"0": 10, "1": 10, "2": 10, "3": 10, "4": 10}
	w.mustCreate(t, w.newCluster(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Services.Gateway.Replicas = new(int32(3))
		c.Spec.Services.Gateway.Autoscaling = &chatv1alpha1.Autoscaling{MinReplicas: new(int32(2)), MaxReplicas: 5, SessionsPerPod: new(int32(100))}
	}))
	seats := func(when string, want int32) {
		t.Helper()
		w.settle(t, immortal())
		if got := w.cluster(t).Status.Replicas; got != want {
			t.Errorf("%s: %d seats, want %d", when, got, want)
		}
	}
	seats("replicas is the first count", 3)
	w.takeEvents()
	w.sessions["0"] = 150
	seats("150 + 10 + 10, and room for 150", 4)
	if events := w.takeEvents(); !slices.Contains(events, "Scaled") {
		t.Errorf("Events %v", events)
	}
	w.sessions["0"] = 10
	seats("fewer for a moment", 4)
	w.now = w.now.Add(10 * time.Minute)
	seats("fewer for ten minutes", 3)
	w.now = w.now.Add(time.Minute)
	seats("the drain before takes longer", 3)
	delete(w.sessions, "1")
	w.now = w.now.Add(time.Hour)
	seats("a silent seat", 3)
	w.sessions["1"] = 10
	seats("all answer", 2)
	w.now = w.now.Add(time.Hour)
	seats("the least", 2)
	w.takeEvents()
	replicas(5)(t, w)
	seats("replicas is only the first count", 2)
	if events := w.takeEvents(); !slices.Contains(events, "ReplicasIgnored") {
		t.Errorf("Events %v", events)
	}
}

// testAutoscaler: the count of a Deployment is the spec's at first, then the autoscaler's, then ours again.
func testAutoscaler(t *testing.T, w world) {
	three := int32(3)
	w.mustCreate(t, w.newCluster(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Services.Message = &chatv1alpha1.Service{Replicas: &three, Workload: chatv1alpha1.Workload{
			Autoscaling: &chatv1alpha1.Autoscaling{MaxReplicas: 9},
		}}
	}))
	count := func(when string, want int32) {
		t.Helper()
		w.settle(t, immortal())
		if got := *w.deployment(t, "acme-message").Spec.Replicas; got != want {
			t.Fatalf("%s: %d pods, want %d", when, got, want)
		}
	}
	count("the first count", three)
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 7}}
	if err := w.SubResource("scale").Update(t.Context(), w.deployment(t, "acme-message"), client.WithSubResourceBody(scale), client.FieldOwner("autoscaler")); err != nil {
		t.Fatal(err)
	}
	count("scaled by an autoscaler", 7)
	late := immortal()
	view, err := w.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	late.frozen = view.without("acme-message")
	if err := w.pass(t, late); err != nil {
		t.Fatal(err)
	}
	count("a cache that does not show the Deployment", 7)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.LogLevel = "debug" })
	count("rolled", 7)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Services.Message.Replicas = new(int32(2)) })
	count("another first count", 7)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Services.Message.Autoscaling = nil })
	count("taken back", 2)
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Services.Message.Autoscaling = &chatv1alpha1.Autoscaling{MaxReplicas: 9}
	})
	count("let go again", 2)
	idle := immortal()
	w.settle(t, idle)
	if len(idle.writes) > 0 {
		t.Errorf("idle, but it writes %q", idle.writes)
	}
}

// testStatusVersion: a wave whose pods tell another version is not over, whatever its Deployments say.
func testStatusVersion(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.answers = "0.1.0"
	version("0.2.0")(t, w)
	w.settle(t, immortal())
	if got := w.onImage(t, newImage); !slices.Equal(got, []string{"acme-file", "acme-friend", "acme-user"}) {
		t.Errorf("of the new version: %v", got)
	}
	w.answers = "0.2.0"
	w.settle(t, immortal())
	w.checkDone(t, "0.2.0")
}

// testLiveRead: a cache that still shows the wave before as done must not let the next one begin.
func testLiveRead(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	version("0.2.0")(t, w)
	w.remember()
	m := w.writer
	for len(w.onImage(t, newImage)) < 3 {
		if err := w.pass(t, m); err != nil {
			t.Fatal(err)
		}
		w.live(t)
	}
	frozen, err := w.look(t.Context()) // the first wave is done
	if err != nil {
		t.Fatal(err)
	}
	m.frozen = frozen
	w.mustUpdate(t, "acme-user", func(d *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&d.Spec.Template.ObjectMeta, "kubectl.kubernetes.io/restartedAt", "now")
	})
	if err := w.pass(t, m); err != nil {
		t.Fatal(err)
	}
	if got := w.onImage(t, newImage); len(got) != 3 {
		t.Errorf("of the new version: %v", got)
	}
}

func (w world) mustUpdate(t *testing.T, name string, change func(*appsv1.Deployment)) {
	t.Helper()
	d := w.deployment(t, name)
	change(d)
	if err := w.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// testEvents follows one object through its life.
func testEvents(t *testing.T, w world) {
	w.remember()
	check := func(when string, want ...string) {
		t.Helper()
		w.settle(t, immortal())
		if got := w.takeEvents(); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	w.mustCreate(t, w.newCluster(t))
	check("install", "Installed", "KeysCreated", "MigrationCompleted", "MigrationStarted")
	check("idle")
	w.annotate(t, "chat.parley.dev/retyr", "1")
	check("a slip of the pen", "AnnotationUnknown")
	password("second")(t, w)
	check("a password", "BindingChanged")
	version("0.2.0")(t, w)
	check("upgrade", "MigrationCompleted", "MigrationStarted", "UpgradeCompleted", "UpgradeStarted", "WaveCompleted")
	version("0.1.0")(t, w)
	check("the way back", "RollbackStarted", "RolledBack", "WaveCompleted")
	replicas(3)(t, w)
	check("scale", "Scaled")
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.MySQL.SecretRef.Name = "none" })
	check("another Secret", "DependencyLost")
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.MySQL.SecretRef.Name = "acme-mysql" })
	check("the old Secret", "DependencyRestored")
}

// testIgnored: what no service reads is named, and spoils nothing.
func testIgnored(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.SMS = &chatv1alpha1.SMS{
			Provider: "Twilio", SecretRef: &chatv1alpha1.SecretReference{Name: "acme-codes"}, Twilio: &chatv1alpha1.TwilioSMS{From: "+15551234567"},
		}
		c.Spec.Services.Speech = &chatv1alpha1.SpeechService{}
	}))
	w.settle(t, immortal())
	w.checkDone(t, "0.1.0")
	cluster := w.cluster(t)
	var names []string
	for _, d := range cluster.Status.Dependencies {
		names = append(names, d.Name)
	}
	if want := []string{"mysql", "rabbitmq", "sms"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	last := cluster.Status.Dependencies[len(cluster.Status.Dependencies)-1]
	if last.Secret != "acme-codes" || last.Reason != chatv1alpha1.ReasonIgnored || last.Ready != "Unknown" {
		t.Errorf("got %+v", last)
	}
	w.checkMessage(t, "dependencies.sms", "services.speech")
}
