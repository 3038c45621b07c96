// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

const (
	oldImage = "registry.example.com/parley:0.1.0"
	newImage = "registry.example.com/parley:0.2.0"
)

// onImage lists the Deployments that have an image.
func (w world) onImage(t *testing.T, image string) []string {
	t.Helper()
	var list appsv1.DeploymentList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range list.Items {
		if d.Spec.Template.Spec.Containers[0].Image == image {
			names = append(names, d.Name)
		}
	}
	return names
}

// running lists the pods of an image that are ready.
func (w world) running(t *testing.T, image string) []string {
	t.Helper()
	var list corev1.PodList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pod := range list.Items {
		if pod.Spec.Containers[0].Image == image && pod.Status.Phase == corev1.PodRunning {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (w world) annotate(t *testing.T, key, value string) {
	t.Helper()
	w.change(t, func(c *chatv1alpha1.ChatCluster) { metav1.SetMetaDataAnnotation(&c.ObjectMeta, key, value) })
}

// fail installs, and then asks for a version whose pods do not start, until that is given up.
func (w world) fail(t *testing.T, reason string) {
	t.Helper()
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	before := w.running(t, oldImage)
	w.broken = map[string]bool{newImage: true}
	if reason == chatv1alpha1.ReasonProgressDeadlineExceeded {
		w.deadline = w.now.Add(10 * time.Minute)
	}
	version("0.2.0")(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonUpgrading)
	w.now = w.now.Add(11 * time.Minute)
	w.settle(t, immortal())
	w.checkStopped(t, reason)
	if diff := cmp.Diff(before, w.running(t, oldImage)); diff != "" {
		t.Errorf("the old pods: %s", diff)
	}
}

// checkStopped: the first wave is as it was written, everything else serves the old version.
func (w world) checkStopped(t *testing.T, reason string) {
	t.Helper()
	w.checkReady(t, metav1.ConditionFalse, reason)
	cluster := w.cluster(t)
	if stalled := meta.FindStatusCondition(cluster.Status.Conditions, chatv1alpha1.ConditionStalled); stalled == nil || stalled.Status != metav1.ConditionTrue || stalled.Reason != reason {
		t.Errorf("Stalled is %+v", stalled)
	}
	want := &chatv1alpha1.FailedUpgrade{Version: "0.2.0", Reason: reason, Generation: cluster.Generation}
	if cluster.Status.Upgrade == nil {
		t.Fatal("no upgrade in the status")
	}
	if diff := cmp.Diff(want, cluster.Status.Upgrade.Failed); diff != "" {
		t.Error(diff)
	}
	if got := cluster.Status.Version; got != "0.1.0" {
		t.Errorf("version %s serves", got)
	}
	if diff := cmp.Diff([]string{"acme-file", "acme-friend", "acme-user"}, w.onImage(t, newImage)); diff != "" {
		t.Errorf("Deployments of the new version: %s", diff)
	}
}

func testFailure(t *testing.T, c client.WithWatch) {
	const image, deadline = chatv1alpha1.ReasonImagePullFailed, chatv1alpha1.ReasonProgressDeadlineExceeded
	t.Run("it is not tried again, even if its pods recover", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, c)
		w.fail(t, image)
		idle := immortal()
		w.broken = nil
		w.settle(t, idle)
		w.checkStopped(t, image)
		w.annotate(t, chatv1alpha1.AnnotationRetry, "1")
		w.settle(t, immortal())
		w.checkDone(t, "0.2.0")
	})
	t.Run("another try has the whole deadline again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, c)
		w.fail(t, deadline)
		w.annotate(t, chatv1alpha1.AnnotationRetry, "1")
		w.settle(t, immortal())
		w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonUpgrading)
		w.now = w.now.Add(9 * time.Minute)
		w.settle(t, immortal())
		w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonUpgrading)
		w.now = w.now.Add(time.Minute)
		w.settle(t, immortal())
		w.checkStopped(t, deadline)
	})
	t.Run("another spec is another try", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, c)
		w.fail(t, image)
		w.broken = nil
		w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.LogLevel = "debug" })
		w.settle(t, immortal())
		w.checkDone(t, "0.2.0")
	})
	t.Run("the way back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, c)
		w.fail(t, deadline)
		w.takeEvents()
		version("0.1.0")(t, w)
		w.settle(t, immortal())
		w.checkDone(t, "0.1.0")
		if events := w.takeEvents(); !slices.Contains(events, "RollbackStarted") || !slices.Contains(events, "RolledBack") {
			t.Errorf("Events %v", events)
		}
	})
}

// testUnknownImage: an image that nobody has is found by the Job, before any pod of the old version has gone.
// It is told as what it is, and taking the wish back is enough.
func testUnknownImage(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	before := w.running(t, oldImage)
	w.unknown = map[string]bool{"registry.example.com/missing:0.1.0": true}
	image := func(repository string) func(*chatv1alpha1.ChatCluster) {
		return func(c *chatv1alpha1.ChatCluster) { c.Spec.Image.Repository = repository }
	}
	w.change(t, image("registry.example.com/missing"))
	w.settle(t, immortal()) // the clock of the test is years ahead of the pod's: no more patience
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonImagePullFailed)
	if diff := cmp.Diff(before, w.running(t, oldImage)); diff != "" {
		t.Errorf("the old pods: %s", diff)
	}
	w.change(t, image("registry.example.com/parley"))
	w.settle(t, immortal())
	w.checkDone(t, "0.1.0")
}

func (w world) checkDone(t *testing.T, version string) {
	t.Helper()
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if status := w.cluster(t).Status; status.Version != version || status.Upgrade != nil {
		t.Errorf("version %s, upgrade %+v", status.Version, status.Upgrade)
	}
	if others := len(w.running(t, oldImage)) + len(w.running(t, newImage)); len(w.running(t, "registry.example.com/parley:"+version)) != others {
		t.Errorf("pods of two versions: %v and %v", w.running(t, oldImage), w.running(t, newImage))
	}
}
