// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/chatcluster"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

const revision = rollout.RevisionAnnotation

// live does at once what controllers and kubelets of a cluster do: Deployments get their pods, Jobs end
// well, and what has no owner any more goes. It answers whether there was anything to do.
func (w world) live(t *testing.T) bool {
	t.Helper()
	room := client.InNamespace(w.key.Namespace)
	var deployments appsv1.DeploymentList
	var sets appsv1.ReplicaSetList
	var pods corev1.PodList
	var jobs batchv1.JobList
	for _, list := range []client.ObjectList{&deployments, &sets, &pods, &jobs} {
		if err := w.List(t.Context(), list, room); err != nil {
			t.Fatal(err)
		}
	}
	moved := false
	owners := map[types.UID]bool{}
	for i := range deployments.Items {
		owners[deployments.Items[i].UID] = true
		moved = w.rollOut(t, &deployments.Items[i], sets.Items, pods.Items) || moved
	}
	for i := range sets.Items {
		if owner := metav1.GetControllerOf(&sets.Items[i]); owner != nil && !owners[owner.UID] {
			w.remove(t, &sets.Items[i])
			for j := range pods.Items {
				if metav1.IsControlledBy(&pods.Items[j], &sets.Items[i]) {
					w.remove(t, &pods.Items[j])
				}
			}
			moved = true
		}
	}
	for i := range jobs.Items {
		moved = w.complete(t, &jobs.Items[i]) || moved
	}
	return moved
}

// collect removes what has an owner that is gone, as the collector of garbage does, and lists the children
// that are left.
func (w world) collect(t *testing.T) []string {
	t.Helper()
	cluster := &chatv1alpha1.ChatCluster{}
	if err := client.IgnoreNotFound(w.Get(t.Context(), w.key, cluster)); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, kind := range append(chatcluster.Children(), &corev1.Secret{}) {
		gvk, err := w.GroupVersionKindFor(kind)
		if err != nil {
			t.Fatal(err)
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk)
		if err := w.List(t.Context(), list, client.InNamespace(w.key.Namespace), client.HasLabels{"app.kubernetes.io/managed-by"}); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			item := &list.Items[i]
			item.SetGroupVersionKind(gvk)
			switch owner := metav1.GetControllerOf(item); {
			case owner == nil || owner.UID == cluster.UID:
				left = append(left, gvk.Kind+" "+item.Name)
			case owner.Kind == "ChatCluster":
				w.remove(t, item)
			}
		}
	}
	w.live(t) // what Deployments made goes with them
	return left
}

func (w world) remove(t *testing.T, o client.Object) {
	t.Helper()
	if err := client.IgnoreNotFound(w.Delete(t.Context(), o, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))); err != nil {
		t.Fatal(err)
	}
}

// rollOut makes pods of the newest template and removes all others.
func (w world) rollOut(t *testing.T, d *appsv1.Deployment, sets []appsv1.ReplicaSet, pods []corev1.Pod) bool {
	t.Helper()
	image := d.Spec.Template.Spec.Containers[0].Image
	isLate := !w.deadline.IsZero() && !w.now.Before(w.deadline)
	isStuck := w.broken[image] && (!isLate || len(d.Status.Conditions) > 0)
	if d.Status.ObservedGeneration == d.Generation && (isStuck || d.Status.UnavailableReplicas == 0) {
		return false
	}
	text, err := json.Marshal(d.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	sum := fnv.New32a()
	_, _ = sum.Write(text)
	name := fmt.Sprintf("%s-%08x", d.Name, sum.Sum32())
	newest, last := (*appsv1.ReplicaSet)(nil), 0
	for i := range sets {
		if number, err := strconv.Atoi(sets[i].Annotations[revision]); err == nil && metav1.IsControlledBy(&sets[i], d) {
			last = max(last, number)
		}
		if sets[i].Name == name {
			newest = &sets[i]
		}
	}
	number := strconv.Itoa(last + 1)
	if newest == nil {
		newest = &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: name, Labels: d.Spec.Template.Labels, OwnerReferences: owner(d, "Deployment"),
		}}
		newest.Spec.Selector, newest.Spec.Template = d.Spec.Selector, d.Spec.Template
		newest.Annotations = map[string]string{revision: number}
		w.mustCreate(t, newest)
	} else if newest.Annotations[revision] != strconv.Itoa(last) {
		newest.Annotations[revision] = number
		if err := w.Update(t.Context(), newest); err != nil {
			t.Fatal(err)
		}
	}
	if w.broken[image] {
		w.getStuck(t, d, newest, pods)
		return true
	}
	have := int32(0)
	for i := range pods {
		switch owner := metav1.GetControllerOf(&pods[i]); {
		case owner == nil:
		case owner.UID == newest.UID && have < *d.Spec.Replicas:
			have++
			w.start(t, &pods[i])
		default:
			for _, set := range sets {
				if owner.UID == set.UID && metav1.IsControlledBy(&set, d) {
					w.remove(t, &pods[i])
				}
			}
		}
	}
	for ; have < *d.Spec.Replicas; have++ {
		w.start(t, w.newPod(t, newest))
	}
	n := *d.Spec.Replicas
	w.report(t, d, newest, appsv1.DeploymentStatus{Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n})
	return true
}

// getStuck makes one pod of the newest template, which does not start; the old ones stay.
func (w world) getStuck(t *testing.T, d *appsv1.Deployment, newest *appsv1.ReplicaSet, pods []corev1.Pod) {
	t.Helper()
	pod, old := (*corev1.Pod)(nil), d.Status.AvailableReplicas
	for i := range pods {
		if metav1.IsControlledBy(&pods[i], newest) {
			pod = &pods[i]
		}
	}
	if pod == nil {
		pod = w.newPod(t, newest)
	}
	pod.Status.Phase = corev1.PodPending
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
	}}
	if !w.deadline.IsZero() {
		pod.Status.ContainerStatuses[0].State.Waiting.Reason = "ContainerCreating"
	}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	status := appsv1.DeploymentStatus{Replicas: old + 1, UpdatedReplicas: 1, ReadyReplicas: old, AvailableReplicas: old, UnavailableReplicas: 1}
	if !w.deadline.IsZero() && !w.now.Before(w.deadline) {
		status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded",
			LastTransitionTime: metav1.NewTime(w.now), LastUpdateTime: metav1.NewTime(w.now),
		}}
	}
	w.report(t, d, newest, status)
}

func (w world) newPod(t *testing.T, set *appsv1.ReplicaSet) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: *set.Spec.Template.ObjectMeta.DeepCopy(), Spec: *set.Spec.Template.Spec.DeepCopy()}
	pod.Namespace, pod.GenerateName, pod.OwnerReferences = set.Namespace, set.Name+"-", owner(set, "ReplicaSet")
	w.mustCreate(t, pod)
	return pod
}

// start makes a pod run, if it does not yet. Its address says whom a world must answer for.
func (w world) start(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	if pod.Status.Phase == corev1.PodRunning {
		return
	}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"}
	if seat, err := strconv.Atoi(pod.Labels["chat.parley.dev/seat"]); err == nil {
		pod.Status.PodIP = fmt.Sprintf("10.0.1.%d", seat)
	}
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
}

// ask answers for a pod.
func (w world) ask(_ context.Context, address string) (component.Status, error) {
	seat, isSeat := strings.CutPrefix(address, "10.0.1.")
	sessions, known := w.sessions[seat]
	if !known && w.answers == "" && address != rebuildAddress {
		return component.Status{}, errors.New("no answer")
	}
	status := component.Status{Version: w.answers, Ready: true}
	if address == rebuildAddress {
		status.Reindex = &w.progress
	}
	if w.index != nil {
		status.Index = w.index
		status.Dependencies = map[component.Dependency]component.Class{component.Elasticsearch: component.ClassReachable}
	}
	if isSeat && known {
		status.Gateway = &component.GatewayStatus{Sessions: sessions}
	}
	return status, nil
}

func (w world) report(t *testing.T, d *appsv1.Deployment, newest *appsv1.ReplicaSet, status appsv1.DeploymentStatus) {
	t.Helper()
	patch := client.MergeFrom(d.DeepCopy())
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	d.Annotations[revision] = newest.Annotations[revision]
	if err := w.Patch(t.Context(), d, patch); err != nil {
		t.Fatal(err)
	}
	d.Status = status
	d.Status.ObservedGeneration = d.Generation
	if err := w.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func (w world) complete(t *testing.T, job *batchv1.Job) bool {
	t.Helper()
	if len(job.Status.Conditions) > 0 {
		return false
	}
	if isRebuild(job) && w.rebuild != nil {
		return w.rebuild(t, w, job)
	}
	if w.unknown[job.Spec.Template.Spec.Containers[0].Image] {
		return w.holdUp(t, job)
	}
	now := metav1.Now()
	job.Status.StartTime = &now
	end := []batchv1.JobConditionType{batchv1.JobFailureTarget, batchv1.JobFailed}
	if !w.refused {
		job.Status.CompletionTime, job.Status.Succeeded = &now, 1
		end = []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete}
	}
	for _, kind := range end {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, Reason: "CompletionsReached", LastTransitionTime: now, LastProbeTime: now,
		})
	}
	if err := w.Status().Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	return true
}

// holdUp makes the pod of a Job, whose image cannot be pulled.
func (w world) holdUp(t *testing.T, job *batchv1.Job) bool {
	t.Helper()
	template := job.Spec.Template.DeepCopy()
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.Name, pod.OwnerReferences = job.Namespace, job.Name+"-1", owner(job, "Job")
	pod.Labels[batchv1.JobNameLabel] = job.Name
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(pod), &corev1.Pod{}); err == nil {
		return false
	}
	w.mustCreate(t, pod)
	pod.Status.Phase = corev1.PodPending
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
	}}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	return true
}

func owner(o client.Object, kind string) []metav1.OwnerReference {
	isController := true
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: o.GetName(), UID: o.GetUID(), Controller: &isController}}
}
