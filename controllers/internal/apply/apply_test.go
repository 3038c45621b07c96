// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const production = "../manifest/testdata/production"

func TestApplierOnAServer(t *testing.T) {
	environment, c := start(t)
	for name, test := range map[string]func(*testing.T, room){
		"labels and annotations of others survive":         keepsForeignFields,
		"a field of ours that somebody edits is put back":  putsBack,
		"a foreign object of the same name is refused":     refusesForeign,
		"an object that was replaced is not taken over":    refusesReplaced,
		"the count survives the hand-over both ways":       handsReplicasOver,
		"a Job is made once and never changed":             createsOnce,
		"a delete takes exactly what was looked at":        deletesExactly,
		"a full quota and a missing right are told apart":  func(t *testing.T, r room) { classifies(t, r, environment) },
		"kinds that are only created are refused by Apply": refusesKinds,
	} {
		t.Run(name, func(t *testing.T) { test(t, newRoom(t, c)) })
	}
	cases, err := filepath.Glob("../manifest/testdata/*/chatcluster.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases of the builders: %v", err)
	}
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run("a second pass writes nothing: "+filepath.Base(dir), func(t *testing.T) { isQuiet(t, newRoom(t, c), dir) })
	}
}

func isQuiet(t *testing.T, r room, dir string) {
	list := wishes(r.input(t, dir))
	for _, wish := range list {
		r.apply(t, wish, nil, apply.Created)
	}
	if got := r.writes.take(); len(got) != len(list) {
		t.Fatalf("%d writes for %d wishes", len(got), len(list))
	}
	for range 3 {
		for _, wish := range wishes(r.input(t, dir)) {
			r.apply(t, wish, nil, apply.Unchanged)
		}
	}
	if got := r.writes.take(); len(got) != 0 {
		t.Errorf("idle passes wrote %v", got)
	}
}

func keepsForeignFields(t *testing.T, r room) {
	wish := manifest.Services(r.input(t, production))[0]
	r.apply(t, wish, nil, apply.Created)
	var found corev1.Service
	r.get(t, *wish.GetName(), &found)
	found.Labels["example.com/team"], found.Annotations = "chat", map[string]string{"example.com/note": "keep"}
	if err := r.Update(t.Context(), &found, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	r.apply(t, wish, &found, apply.Unchanged)
	wish.WithLabels(map[string]string{"example.com/new": "ours"})
	r.apply(t, wish, &found, apply.Updated)
	r.get(t, *wish.GetName(), &found)
	if found.Labels["example.com/team"] != "chat" || found.Annotations["example.com/note"] != "keep" || found.Labels["example.com/new"] != "ours" {
		t.Errorf("labels %v, annotations %v", found.Labels, found.Annotations)
	}
}

func putsBack(t *testing.T, r room) {
	wish := manifest.Deployment(r.input(t, production), component.Message)
	var none *appsv1.Deployment
	meets := func(current *appsv1.Deployment, want bool) {
		t.Helper()
		if got, err := apply.Meets(wish, current); err != nil || got != want {
			t.Errorf("meets the wish: %t, %v", got, err)
		}
	}
	meets(none, false)
	r.apply(t, wish, none, apply.Created)
	var found appsv1.Deployment
	r.get(t, *wish.GetName(), &found)
	meets(&found, true)
	image := found.Spec.Template.Spec.Containers[0].Image
	found.Spec.Template.Spec.Containers[0].Image = "registry.example.com/other:1"
	if err := r.Update(t.Context(), &found, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	meets(&found, false)
	r.apply(t, wish, &found, apply.Updated)
	r.get(t, *wish.GetName(), &found)
	if got := found.Spec.Template.Spec.Containers[0].Image; got != image {
		t.Errorf("image is %s, want %s", got, image)
	}
}

func refusesForeign(t *testing.T, r room) {
	wish := manifest.Services(r.input(t, production))[0]
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: *wish.GetName()},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	if err := r.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	_, err := r.applier.Apply(t.Context(), uid, wish, nil)
	var conflict *apply.NameConflictError
	if !errors.As(err, &conflict) || conflict.Kind != "Service" || conflict.Name != foreign.Name || apply.Classify(err) != apply.ClassNameConflict {
		t.Errorf("got %v", err)
	}
	if _, err := r.applier.Delete(t.Context(), uid, foreign); !errors.Is(err, apply.ErrNameConflict) {
		t.Errorf("delete: got %v", err)
	}
	if got := r.writes.take(); len(got) != 0 {
		t.Errorf("wrote %v", got)
	}
}

func refusesReplaced(t *testing.T, r room) {
	wish := manifest.Services(r.input(t, production))[0]
	r.apply(t, wish, nil, apply.Created)
	var before corev1.Service
	r.get(t, *wish.GetName(), &before)
	if err := r.Delete(t.Context(), before.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	wish.WithLabels(map[string]string{"example.com/new": "ours"})
	_, err := r.applier.Apply(t.Context(), uid, wish, &before)
	if apply.Classify(err) != apply.ClassConflict {
		t.Errorf("an object that is gone: got %v", err)
	}
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: *wish.GetName()},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	if err := r.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	_, err = r.applier.Apply(t.Context(), uid, wish, &before)
	if apply.Classify(err) != apply.ClassConflict {
		t.Errorf("an object that was replaced: got %v", err)
	}
}

func handsReplicasOver(t *testing.T, r room) {
	in := r.input(t, production)
	plain := func(count int32) *appsv1ac.DeploymentApplyConfiguration {
		wish := manifest.Deployment(in, component.Message)
		wish.Spec.WithReplicas(count)
		return wish
	}
	released := manifest.Deployment(in, component.Message)
	released.Spec.Replicas = nil
	var found appsv1.Deployment
	check := func(when string, want int32) {
		t.Helper()
		r.get(t, *released.GetName(), &found)
		if *found.Spec.Replicas != want {
			t.Fatalf("%s: %d replicas, want %d", when, *found.Spec.Replicas, want)
		}
	}
	r.apply(t, plain(3), nil, apply.Created)
	check("made", 3)
	stale := found.DeepCopy()
	r.scale(t, &found, 5)
	check("scaled by hand", 5)
	// The hand-over must look at the server, not at the cache.
	r.apply(t, plain(4), stale, apply.Updated)
	check("put back", 4)
	r.apply(t, released, stale, apply.Updated)
	check("let go", 4)
	r.get(t, *released.GetName(), &found)
	r.apply(t, released, &found, apply.Unchanged)
	r.scale(t, &found, 7)
	check("scaled by an autoscaler", 7)
	r.apply(t, released, &found, apply.Unchanged)
	check("idle", 7)
	r.apply(t, plain(7), &found, apply.Updated)
	check("taken back", 7)
	r.apply(t, plain(2), &found, apply.Updated)
	check("ours again", 2)
	r.get(t, *released.GetName(), &found)
	r.apply(t, released, &found, apply.Updated)
	check("let go again", 2)
}

// scale as an autoscaler does it.
func (r room) scale(t *testing.T, deployment *appsv1.Deployment, count int32) {
	t.Helper()
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: count}}
	err := r.SubResource("scale").Update(t.Context(), deployment.DeepCopy(), client.WithSubResourceBody(scale), client.FieldOwner("autoscaler"))
	if err != nil {
		t.Fatal(err)
	}
}

func createsOnce(t *testing.T, r room) {
	in := r.input(t, production)
	job := manifest.MigrationJob(in, "9f2c1a7b")
	for _, want := range []apply.Outcome{apply.Created, apply.Unchanged} {
		if got, err := r.applier.Create(t.Context(), uid, job); err != nil || got != want {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
	if diff := cmp.Diff([]string{"Job created"}, r.writes.take()); diff != "" {
		t.Error(diff)
	}
	if _, err := r.applier.Create(t.Context(), "another", job); !errors.Is(err, apply.ErrNameConflict) {
		t.Errorf("another cluster's: got %v", err)
	}
	var found batchv1.Job
	r.get(t, *job.GetName(), &found)
	if got, err := r.applier.Delete(t.Context(), uid, &found); err != nil || got != apply.Deleted {
		t.Errorf("delete: got %s, %v", got, err)
	}
	secret := manifest.KeysSecret(in, manifest.KeysName(in.Cluster.Name), map[string][]byte{component.PageTokenKey: []byte("value")})
	if got, err := r.applier.Create(t.Context(), uid, secret); err != nil || got != apply.Created {
		t.Errorf("secret: got %s, %v", got, err)
	}
}

func deletesExactly(t *testing.T, r room) {
	wish := manifest.Services(r.input(t, production))[0]
	r.apply(t, wish, nil, apply.Created)
	var before corev1.Service
	r.get(t, *wish.GetName(), &before)
	wish.WithLabels(map[string]string{"example.com/new": "ours"})
	r.apply(t, wish, &before, apply.Updated)
	if _, err := r.applier.Delete(t.Context(), uid, &before); apply.Classify(err) != apply.ClassConflict {
		t.Errorf("an older version: got %v", err)
	}
	var found corev1.Service
	r.get(t, *wish.GetName(), &found)
	for _, want := range []apply.Outcome{apply.Deleted, apply.Unchanged} {
		if got, err := r.applier.Delete(t.Context(), uid, &found); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	if diff := cmp.Diff([]string{"Service created", "Service updated", "Service conflict", "Service deleted"}, r.writes.take()); diff != "" {
		t.Error(diff)
	}
}

func classifies(t *testing.T, r room, environment *envtest.Environment) {
	wish := manifest.Services(r.input(t, production))[0]
	full := corev1.ResourceList{"count/services": resource.MustParse("0")}
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "full"},
		Spec:       corev1.ResourceQuotaSpec{Hard: full},
	}
	if err := r.Create(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	// No controller runs here that would do it.
	quota.Status = corev1.ResourceQuotaStatus{Hard: full, Used: full}
	if err := r.Status().Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	// The server learns of a quota a moment later; until then an object slips through.
	var err error
	for deadline := time.Now().Add(30 * time.Second); err == nil && time.Now().Before(deadline); {
		if _, err = r.applier.Apply(t.Context(), uid, wish, nil); err == nil {
			var slipped corev1.Service
			r.get(t, *wish.GetName(), &slipped)
			if _, err := r.applier.Delete(t.Context(), uid, &slipped); err != nil {
				t.Fatal(err)
			}
		}
	}
	if apply.Classify(err) != apply.ClassQuotaExceeded {
		t.Errorf("quota: got %v", err)
	}
	stranger, err := environment.AddUser(envtest.User{Name: "stranger"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := client.New(stranger.Config(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	_, err = apply.New(weak, r.Client).Apply(t.Context(), uid, manifest.ServiceAccounts(r.input(t, production))[0], nil)
	if apply.Classify(err) != apply.ClassForbidden {
		t.Errorf("right: got %v", err)
	}
}

func refusesKinds(t *testing.T, r room) {
	if _, err := r.applier.Apply(t.Context(), uid, manifest.MigrationJob(r.input(t, production), "9f2c1a7b"), nil); err == nil {
		t.Error("a Job was applied")
	}
}
