// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/chatcluster"
)

// end is all that a run leaves, without what differs between two runs.
func (w world) end(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, kind := range chatcluster.Children() {
		gvk, err := w.GroupVersionKindFor(kind)
		if err != nil {
			t.Fatal(err)
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk)
		if gvk.Kind == "Pod" || gvk.Kind == "ReplicaSet" || gvk.Kind == "Job" {
			continue // of the test's kubelet, or history
		}
		if err := w.List(t.Context(), list, client.InNamespace(w.key.Namespace)); err != nil {
			t.Fatal(err)
		}
		for _, item := range list.Items {
			lines = append(lines, fmt.Sprintf("%s %s %s", gvk.Kind, item.Name, item.Labels["app.kubernetes.io/version"]))
		}
	}
	var deployments appsv1.DeploymentList
	if err := w.List(t.Context(), &deployments, client.InNamespace(w.key.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		lines = append(lines, fmt.Sprintf("%s: %d of %s", d.Name, *d.Spec.Replicas, d.Spec.Template.Spec.Containers[0].Image))
	}
	status := w.cluster(t).Status
	for _, condition := range status.Conditions {
		lines = append(lines, strings.Join([]string{condition.Type, string(condition.Status), condition.Reason, condition.Message}, " "))
	}
	if s := status.Search; s != nil {
		lines = append(lines, fmt.Sprintf("rebuild %s: %s, %s", s.Request, s.Phase, s.Reason))
	}
	lines = append(lines, fmt.Sprintf("%s %s %d %v", status.Version, status.Ready, status.Replicas, status.Upgrade))
	slices.Sort(lines)
	return lines
}

// share is a part of a sweep over all writes: every of-th, beginning with one. Parts run beside one another.
type share struct{ part, of int }

// sweep gives each part of a sweep a name.
func sweep(parts int, name string, run func(t *testing.T, s share)) map[string]func(*testing.T) {
	all := map[string]func(*testing.T){}
	for part := range parts {
		all[fmt.Sprintf("%s, %d of %d", name, part+1, parts)] = func(t *testing.T) { run(t, share{part, parts}) }
	}
	return all
}

// testCrashOfInstall lets the operator die after its first write, its second and so on, until one lives to the end.
func testCrashOfInstall(t *testing.T, c client.WithWatch, s share) {
	undisturbed := newWorld(t, c)
	undisturbed.mustCreate(t, undisturbed.newCluster(t))
	undisturbed.settle(t, immortal())
	want := undisturbed.end(t)
	for n := 1 + s.part; ; n += s.of {
		w, m := newWorld(t, c), &mortal{after: n}
		w.mustCreate(t, w.newCluster(t))
		w.settle(t, m)
		w.settle(t, immortal())
		if diff := cmp.Diff(want, w.end(t)); diff != "" {
			t.Fatalf("died after write %d: %s", n, diff)
		}
		if !m.isDead() {
			t.Logf("%d writes", len(m.writes))
			return
		}
	}
}

// testCrash is testCrashOfInstall for changes of a cluster that runs, forth and back.
func testCrash(t *testing.T, c client.WithWatch, s share, forth, back func(*testing.T, world)) {
	w := newWorld(t, c)
	w.mustCreate(t, w.newCluster(t, searches))
	w.mustCreate(t, w.searchSecret())
	w.settle(t, immortal())
	testDeaths(t, w, s, forth, back)
}

// testDelete deletes the ChatCluster before the operator's first write of an install, its second and so on.
// What the rest of that pass writes belongs to an owner that is gone, so it is collected, and one of the
// same name can be made at once.
func testDelete(t *testing.T, c client.WithWatch, s share) {
	calm := newWorld(t, c)
	calm.mustCreate(t, calm.newCluster(t))
	calm.settle(t, immortal())
	want := calm.end(t)
	for n := s.part; ; n += s.of {
		w, m := newWorld(t, c), immortal()
		w.mustCreate(t, w.newCluster(t))
		m.strikeAt, m.strike = n, func() error { return w.Delete(t.Context(), w.newCluster(t)) }
		w.settle(t, m)
		if len(m.writes) <= n {
			t.Logf("%d writes", n)
			return
		}
		idle := immortal()
		if err := w.pass(t, idle); err != nil || len(idle.writes) > 0 {
			t.Fatalf("deleted before write %d: %v, then it writes %q", n, err, idle.writes)
		}
		// The whole way again is dear, so not after every write.
		if n%8 == 4 {
			w.mustCreate(t, w.newCluster(t))
			for range 2 { // everything belongs to the one before
				if err := w.pass(t, immortal()); err != nil {
					t.Fatal(err)
				}
			}
			w.collect(t)
			w.settle(t, immortal())
			if diff := cmp.Diff(want, w.end(t)); diff != "" {
				t.Fatalf("deleted before write %d and made again: %s", n, diff)
			}
			if err := w.Delete(t.Context(), w.newCluster(t)); err != nil {
				t.Fatal(err)
			}
		}
		if left := w.collect(t); len(left) > 0 {
			t.Fatalf("deleted before write %d, and left: %q", n, left)
		}
	}
}

// testDeaths goes forth and back, and dies one write later each time.
func testDeaths(t *testing.T, w world, s share, forth, back func(*testing.T, world)) {
	var ends [2][]string
	ways := [2]func(*testing.T, world){forth, back}
	for i, way := range ways {
		way(t, w)
		w.settle(t, immortal())
		ends[i] = w.end(t)
	}
	for n, alive := 1+s.part, 0; alive < 2; n += s.of {
		alive = 0
		for i, way := range ways {
			m := &mortal{after: n}
			way(t, w)
			w.settle(t, m)
			w.settle(t, immortal())
			if diff := cmp.Diff(ends[i], w.end(t)); diff != "" {
				t.Fatalf("died after write %d of way %d: %s", n, i, diff)
			}
			if !m.isDead() {
				alive++
			}
		}
	}
	ready := meta.FindStatusCondition(w.cluster(t).Status.Conditions, chatv1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		t.Errorf("Ready is %+v", ready)
	}
}

func replicas(n int32) func(*testing.T, world) {
	return func(t *testing.T, w world) {
		w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Services.Gateway.Replicas = &n })
	}
}

func version(v string) func(*testing.T, world) {
	return func(t *testing.T, w world) {
		w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Version = v })
	}
}

func password(word string) func(*testing.T, world) {
	return func(t *testing.T, w world) {
		secret := &corev1.Secret{}
		if err := w.Get(t.Context(), client.ObjectKey{Namespace: w.key.Namespace, Name: "acme-mysql"}, secret); err != nil {
			t.Fatal(err)
		}
		secret.Data["password"] = []byte(word)
		if err := w.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
}
