// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// rebuildAddress is where the pod of a rebuild answers.
const rebuildAddress = "10.0.2.1"

func isRebuild(job *batchv1.Job) bool {
	return job.Labels["app.kubernetes.io/component"] == string(component.Reindex)
}

// searches gives a ChatCluster an index, whose Secret is searchSecret.
func searches(c *chatv1alpha1.ChatCluster) {
	c.Spec.Dependencies.Elasticsearch = &chatv1alpha1.Elasticsearch{
		Source: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "acme-search"}},
	}
}

func (w world) searchSecret() *corev1.Secret {
	secret := w.secret("search")
	secret.StringData["username"] = "parley"
	return secret
}

// request asks for a rebuild; empty takes it back.
func request(wish string) func(*testing.T, world) {
	return func(t *testing.T, w world) {
		w.change(t, func(c *chatv1alpha1.ChatCluster) {
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, chatv1alpha1.AnnotationReindex, wish)
			if wish == "" {
				delete(c.Annotations, chatv1alpha1.AnnotationReindex)
			}
		})
	}
}

// install one with an index, whose rebuilds do what do says.
func (w world) installSearch(t *testing.T, do func(*testing.T, world, *batchv1.Job) bool) {
	t.Helper()
	w.mustCreate(t, w.searchSecret())
	w.mustCreate(t, w.newCluster(t, searches))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.rebuild = do
}

// runs makes the pod of a rebuild, which does not end.
func runs(t *testing.T, w world, job *batchv1.Job) bool {
	t.Helper()
	var pods corev1.PodList
	if err := w.List(t.Context(), &pods, client.InNamespace(w.key.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}); err != nil {
		t.Fatal(err)
	}
	for i := range pods.Items {
		if metav1.IsControlledBy(&pods.Items[i], job) {
			return false
		}
	}
	w.startRebuild(t, job)
	return true
}

func (w world) startRebuild(t *testing.T, job *batchv1.Job) *corev1.Pod {
	t.Helper()
	template := job.Spec.Template.DeepCopy()
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.GenerateName, pod.OwnerReferences = job.Namespace, job.Name+"-", owner(job, "Job")
	pod.Labels[batchv1.JobNameLabel] = job.Name
	w.mustCreate(t, pod)
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: rebuildAddress, PodIPs: []corev1.PodIP{{IP: rebuildAddress}}}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

// ends answers a rebuild whose pod leaves a result and whose Job ends, well or for a reason.
func ends(result component.ReindexResult, reason string) func(*testing.T, world, *batchv1.Job) bool {
	return func(t *testing.T, w world, job *batchv1.Job) bool {
		t.Helper()
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		pod := w.startRebuild(t, job)
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "reindex", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 1, Message: string(text), FinishedAt: metav1.NewTime(w.now),
			}},
		}}
		now := metav1.NewTime(w.now)
		job.Status.StartTime = &now
		kinds := []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
		if reason == "" {
			pod.Status.Phase = corev1.PodSucceeded
			job.Status.CompletionTime, job.Status.Succeeded = &now, 1
			kinds = []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
		}
		if err := w.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds {
			job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
				Type: kind, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: now, LastProbeTime: now,
			})
		}
		if err := w.Status().Update(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		return true
	}
}

// rebuilds lists the Jobs of rebuilds that have not ended.
func (w world) rebuilds(t *testing.T) []batchv1.Job {
	t.Helper()
	return slices.DeleteFunc(w.jobs(t), func(j batchv1.Job) bool { return len(j.Status.Conditions) > 0 })
}

// jobs of rebuilds, ended or not.
func (w world) jobs(t *testing.T) []batchv1.Job {
	t.Helper()
	var list batchv1.JobList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace), client.MatchingLabels{"app.kubernetes.io/component": "reindex"}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// removePods of rebuilds, as happens to those of a Job that is gone.
func (w world) removePods(t *testing.T) {
	t.Helper()
	var list corev1.PodList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace), client.MatchingLabels{"app.kubernetes.io/component": "reindex"}); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		w.remove(t, &list.Items[i])
	}
}

// checkSearch compares status and condition with what is wanted.
func (w world) checkSearch(t *testing.T, phase, reason, says string) *chatv1alpha1.SearchStatus {
	t.Helper()
	cluster := w.cluster(t)
	s := cluster.Status.Search
	if s == nil {
		t.Fatal("no status.search")
	}
	condition := meta.FindStatusCondition(cluster.Status.Conditions, chatv1alpha1.ConditionSearchRebuilding)
	open := s.Phase == chatv1alpha1.SearchWaiting || s.Phase == chatv1alpha1.SearchRunning
	if s.Phase != phase || s.Reason != reason || condition.Reason != reason || (condition.Status == metav1.ConditionTrue) != open {
		t.Fatalf("%+v, %+v; want %s, %s", s, condition, phase, reason)
	}
	if !strings.Contains(condition.Message, says) {
		t.Errorf("the message does not say %q: %s", says, condition.Message)
	}
	if open == (s.FinishedAt != nil) || phase == chatv1alpha1.SearchRunning && s.StartedAt == nil {
		t.Errorf("%s, and begun %v, ended %v", phase, s.StartedAt, s.FinishedAt)
	}
	return s
}

func (w world) checkProgress(t *testing.T, done, total int64) {
	t.Helper()
	if s := w.cluster(t).Status.Search; s.Done != done || s.Total != total {
		t.Errorf("%d of %d, want %d of %d", s.Done, s.Total, done, total)
	}
}

// testRebuild: while one runs, everything else goes on, and nothing but its progress is written.
func testRebuild(t *testing.T, w world) {
	w.remember()
	w.installSearch(t, runs)
	w.takeEvents()
	before := w.deployment(t, "acme-message").Generation
	w.progress = component.ReindexStatus{Done: 300, Total: 1000}
	request("one")(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	s := w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, "old one serves")
	w.checkProgress(t, 300, 1000)
	if s.Request != "one" || s.Number != 1 || len(w.rebuilds(t)) != 1 || w.rebuilds(t)[0].Name != s.Job {
		t.Errorf("%+v, Jobs %v", s, w.rebuilds(t))
	}
	w.progress.Done = 310
	w.settle(t, immortal())
	w.checkProgress(t, 300, 1000) // not in every pass
	w.now = w.now.Add(10 * time.Second)
	replicas(4)(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkProgress(t, 310, 1000)
	w.rebuild = nil
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkSearch(t, chatv1alpha1.SearchCompleted, chatv1alpha1.ReasonRebuilt, "new index serves")
	w.checkProgress(t, 1000, 1000)
	if got, want := w.takeEvents(), []string{"RebuildCompleted", "RebuildStarted", "Scaled"}; !slices.Equal(got, want) {
		t.Errorf("Events %v, want %v", got, want)
	}
	if got := w.deployment(t, "acme-message").Generation; got != before {
		t.Error("message was rolled")
	}
	for _, job := range w.jobs(t) { // their time to live is over
		w.remove(t, &job)
	}
	w.removePods(t)
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchCompleted, chatv1alpha1.ReasonRebuilt, "new index serves")
	if len(w.jobs(t)) != 0 {
		t.Error("what was done is done again")
	}
}

// testLostRebuild: a Job that somebody deletes comes back, once its pod, which may still write, has ended. A pod that
// is lost is the Job's own matter.
func testLostRebuild(t *testing.T, w world) {
	w.installSearch(t, runs)
	request("one")(t, w)
	w.settle(t, immortal())
	first := w.rebuilds(t)[0]
	w.removePods(t)
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, first.Name)
	if now := w.rebuilds(t); len(now) != 1 || now[0].UID != first.UID {
		t.Errorf("another Job for a pod that was lost: %v", now)
	}
	w.remove(t, &first)
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchWaiting, chatv1alpha1.ReasonRebuildWaiting, "must end first")
	w.removePods(t)
	w.settle(t, immortal())
	s := w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, first.Name)
	if s.StartedAt == nil || len(w.rebuilds(t)) != 1 {
		t.Errorf("%+v, Jobs %v", s, w.rebuilds(t))
	}
}

// testFailedRebuild: what failed says why and stays; the next wish is another try. Ready stays True.
func testFailedRebuild(t *testing.T, w world) {
	w.remember()
	result := component.ReindexResult{ReindexStatus: component.ReindexStatus{Done: 700, Total: 1000}, Store: component.Elasticsearch, Reason: "AuthFailed"}
	w.installSearch(t, ends(result, "BackoffLimitExceeded"))
	w.takeEvents()
	request("one")(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkSearch(t, chatv1alpha1.SearchFailed, chatv1alpha1.ReasonRebuildFailed, "elasticsearch refuses username and password")
	w.checkProgress(t, 700, 1000)
	if got := w.takeEvents(); !slices.Contains(got, "RebuildFailed") {
		t.Errorf("Events %v", got)
	}
	if got := len(w.jobs(t)); got != 1 {
		t.Errorf("%d Jobs: what failed is not tried again by itself", got)
	}
	w.rebuild = ends(component.ReindexResult{}, "DeadlineExceeded")
	request("two")(t, w)
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchFailed, chatv1alpha1.ReasonRebuildOverdue, "rebuild.timeout")
	w.rebuild = nil
	request("one")(t, w) // the same words as before are another wish
	w.settle(t, immortal())
	if s := w.checkSearch(t, chatv1alpha1.SearchCompleted, chatv1alpha1.ReasonRebuilt, ""); s.Number != 3 {
		t.Errorf("number %d", s.Number)
	}
}

// testTwoRebuilds: one runs to its end before the next begins.
func testTwoRebuilds(t *testing.T, w world) {
	w.installSearch(t, runs)
	request("one")(t, w)
	w.settle(t, immortal())
	request("two")(t, w)
	w.settle(t, immortal())
	s := w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, "")
	if s.Request != "one" || len(w.rebuilds(t)) != 1 {
		t.Errorf("%+v, Jobs %v", s, w.rebuilds(t))
	}
	w.removePods(t)
	first := true
	w.rebuild = func(t *testing.T, w world, job *batchv1.Job) bool {
		if first {
			first = false
			return ends(component.ReindexResult{}, "")(t, w, job)
		}
		return runs(t, w, job)
	}
	w.settle(t, immortal())
	s = w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, "")
	if s.Request != "two" || s.Number != 2 || len(w.rebuilds(t)) != 1 || len(w.jobs(t)) != 2 {
		t.Errorf("%+v, Jobs %v", s, w.jobs(t))
	}
}

// testNoIndex: a wish that cannot be met says so and holds up nothing; neither does an index that goes away.
func testNoIndex(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	request("one")(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkSearch(t, chatv1alpha1.SearchFailed, chatv1alpha1.ReasonNoSearchIndex, "names no Elasticsearch")
	w.change(t, searches)
	request("two")(t, w)
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchWaiting, chatv1alpha1.ReasonRebuildWaiting, `"acme-search"`)
	w.rebuild = runs
	w.mustCreate(t, w.searchSecret())
	w.settle(t, immortal())
	w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, "")
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.Elasticsearch = nil })
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkSearch(t, chatv1alpha1.SearchFailed, chatv1alpha1.ReasonNoSearchIndex, "names no Elasticsearch")
	if len(w.rebuilds(t)) != 0 || !w.isGone(t, "acme-reindex", &corev1.ServiceAccount{}) {
		t.Errorf("Jobs %v", w.rebuilds(t))
	}
}

// testRebuildAndUpgrade: another version ends the rebuild first and is not held up; then the new one goes on.
func testRebuildAndUpgrade(t *testing.T, w world) {
	w.installSearch(t, runs)
	request("one")(t, w)
	w.settle(t, immortal())
	before := w.cluster(t).Status.Search
	w.unknown, w.broken = map[string]bool{newImage: true}, map[string]bool{newImage: true}
	version("0.2.0")(t, w)
	for _, reason := range []string{chatv1alpha1.ReasonImagePullFailed, chatv1alpha1.ReasonUpgrading} {
		w.settle(t, immortal())
		w.checkReady(t, metav1.ConditionFalse, reason)
		w.checkSearch(t, chatv1alpha1.SearchWaiting, chatv1alpha1.ReasonRebuildWaiting, "another version comes first")
		if len(w.rebuilds(t)) != 0 {
			t.Errorf("Jobs %v", w.rebuilds(t))
		}
		w.unknown = nil // the schemas can be changed, and no pod starts
	}
	w.broken = nil
	w.removePods(t)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	s := w.checkSearch(t, chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, "")
	if !s.StartedAt.Equal(before.StartedAt) || s.Number != before.Number || s.Job == before.Job {
		t.Errorf("%+v, before %+v", s, before)
	}
	if image := w.rebuilds(t)[0].Spec.Template.Spec.Containers[0].Image; image != newImage {
		t.Errorf("it goes on with %s", image)
	}
}

// testStoppedRebuild: without the annotation nothing runs any more.
func testStoppedRebuild(t *testing.T, w world) {
	w.remember()
	w.installSearch(t, runs)
	request("one")(t, w)
	w.settle(t, immortal())
	w.takeEvents()
	request("")(t, w)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkSearch(t, chatv1alpha1.SearchStopped, chatv1alpha1.ReasonRebuildStopped, "old index serves")
	if got, want := w.takeEvents(), []string{"RebuildStopped"}; len(w.rebuilds(t)) != 0 || !slices.Equal(got, want) {
		t.Errorf("Jobs %v, Events %v", w.rebuilds(t), got)
	}
}
