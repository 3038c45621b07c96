// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// start of every pod; tests count from here.
var start = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func owned(name, uid, owner string) metav1.ObjectMeta {
	isController := true
	return metav1.ObjectMeta{
		Name: name, UID: types.UID(uid), CreationTimestamp: metav1.NewTime(start),
		OwnerReferences: []metav1.OwnerReference{{UID: types.UID(owner), Controller: &isController}},
	}
}

// workload of two pods, all done: set-2 is the newest, set-1 has no pods.
func workload(changes ...func(*rollout.Workload)) rollout.Workload {
	two := int32(2)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "acme-message", UID: "d", Generation: 7, Annotations: map[string]string{"deployment.kubernetes.io/revision": "2"}},
		Spec:       appsv1.DeploymentSpec{Replicas: &two},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 7, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2},
	}
	w := rollout.Workload{Deployment: d}
	for i := 1; i <= 2; i++ {
		number := strconv.Itoa(i)
		set := appsv1.ReplicaSet{ObjectMeta: owned("set-"+number, "set-"+number, "d")}
		set.Annotations = map[string]string{"deployment.kubernetes.io/revision": number}
		w.Sets = append(w.Sets, set)
	}
	w.Pods = []corev1.Pod{pod("a", "set-2", true), pod("b", "set-2", true)}
	for _, change := range changes {
		change(&w)
	}
	return w
}

func pod(name, set string, ready bool) corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p := corev1.Pod{ObjectMeta: owned(name, "pod-"+name, set)}
	p.Labels = map[string]string{"app.kubernetes.io/version": "0.5.0"}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}
	return p
}

// broken makes the first pod one that is not ready, with a container in this state.
func broken(restarts int32, waiting string) func(*rollout.Workload) {
	return func(w *rollout.Workload) {
		w.Deployment.Status.ReadyReplicas, w.Deployment.Status.AvailableReplicas = 1, 1
		w.Pods[0] = pod("a", "set-2", false)
		status := corev1.ContainerStatus{RestartCount: restarts}
		if waiting != "" {
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: waiting, Message: "text of a registry"}
		}
		w.Pods[0].Status.ContainerStatuses = []corev1.ContainerStatus{status}
	}
}

func TestDone(t *testing.T) {
	t.Parallel()
	now := metav1.NewTime(start)
	for name, test := range map[string]struct {
		change func(*rollout.Workload)
		want   bool
	}{
		"all pods of the newest set":             {func(*rollout.Workload) {}, true},
		"no Deployment":                          {func(w *rollout.Workload) { w.Deployment = nil }, false},
		"a generation that nobody looked at yet": {func(w *rollout.Workload) { w.Deployment.Generation = 8 }, false},
		"too few new pods":                       {func(w *rollout.Workload) { w.Deployment.Status.UpdatedReplicas = 1 }, false},
		"a pod that is not available":            {func(w *rollout.Workload) { w.Deployment.Status.AvailableReplicas = 1 }, false},
		"an old pod that still counts":           {func(w *rollout.Workload) { w.Deployment.Status.Replicas = 3 }, false},
		"an old pod that ends": {func(w *rollout.Workload) {
			old := pod("c", "set-1", false)
			old.DeletionTimestamp = &now
			w.Pods = append(w.Pods, old)
		}, false},
		"an old pod that has ended": {func(w *rollout.Workload) {
			old := pod("c", "set-1", false)
			old.Status.Phase = corev1.PodFailed
			w.Pods = append(w.Pods, old)
		}, true},
		"a pod of another Deployment": {func(w *rollout.Workload) { w.Pods = append(w.Pods, pod("c", "elsewhere", true)) }, true},
		"a way back to an older set": {func(w *rollout.Workload) {
			w.Sets[0].Annotations["deployment.kubernetes.io/revision"] = "3"
			w.Deployment.Annotations["deployment.kubernetes.io/revision"] = "3"
		}, false},
		"a set that the controller has yet to make": {func(w *rollout.Workload) { w.Sets = w.Sets[:1] }, false},
		"zero pods wanted, and none there": {func(w *rollout.Workload) {
			*w.Deployment.Spec.Replicas = 0
			w.Deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 7}
			w.Pods = nil
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := workload(test.change).Done(); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func condition(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string) func(*rollout.Workload) {
	return func(w *rollout.Workload) {
		w.Deployment.Status.AvailableReplicas = 1
		w.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: kind, Status: status, Reason: reason, Message: message}}
	}
}

func TestFailureOfAnotherTry(t *testing.T) {
	t.Parallel()
	began := start.Add(time.Hour) // the pods, and their condition, are older
	for name, change := range map[string]func(*rollout.Workload){
		"no image":                broken(0, "ImagePullBackOff"),
		"crashes":                 broken(9, "CrashLoopBackOff"),
		"a deadline that passed":  condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded", ""),
		"a quota that is used up": condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", "exceeded quota: pods"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := workload(change)
			if got := w.Failure(began.Add(-time.Minute), time.Time{}); got == nil {
				t.Error("the first try did not fail")
			}
			if got := w.Failure(began.Add(9*time.Minute), began); got != nil {
				t.Errorf("it has 10 minutes: %+v", got)
			}
			if got := w.Failure(began.Add(10*time.Minute), began); got == nil {
				t.Error("it never fails again")
			}
		})
	}
}

func TestSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		told map[string]component.Status
		want bool
	}{
		"silence":                   {nil, true},
		"the version":               {map[string]component.Status{"a": {Version: "0.5.0"}, "b": {Version: "0.5.0+build.7"}}, true},
		"a build by hand":           {map[string]component.Status{"a": {Version: "dev"}}, true},
		"another version":           {map[string]component.Status{"a": {Version: "0.4.0"}}, false},
		"a pod of something else":   {map[string]component.Status{"c": {Version: "0.4.0"}}, true},
		"a version before that one": {map[string]component.Status{"b": {Version: "0.5.0-rc.1"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := workload().Says("0.5.0", test.told); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	const image, deadline = chatv1alpha1.ReasonImagePullFailed, chatv1alpha1.ReasonProgressDeadlineExceeded
	ended := func(w *rollout.Workload) {
		w.Pods[0].Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(start.Add(time.Hour))}
	}
	for name, test := range map[string]struct {
		changes []func(*rollout.Workload)
		after   time.Duration
		want    string
	}{
		"a rollout that is done":                 {nil, time.Hour, ""},
		"four crashes":                           {[]func(*rollout.Workload){broken(4, "CrashLoopBackOff")}, time.Hour, ""},
		"five crashes":                           {[]func(*rollout.Workload){broken(5, "CrashLoopBackOff")}, time.Second, deadline},
		"five crashes of a pod that is ready":    {[]func(*rollout.Workload){broken(5, ""), func(w *rollout.Workload) { w.Pods[0].Status.Conditions[0].Status = corev1.ConditionTrue }}, time.Hour, ""},
		"five crashes of an old pod":             {[]func(*rollout.Workload){broken(5, ""), func(w *rollout.Workload) { w.Pods[0].OwnerReferences[0].UID = "set-1" }}, time.Hour, ""},
		"no image for a minute":                  {[]func(*rollout.Workload){broken(0, "ImagePullBackOff")}, time.Minute, ""},
		"no image for two minutes":               {[]func(*rollout.Workload){broken(0, "ImagePullBackOff")}, 2 * time.Minute, image},
		"a name of an image that is none":        {[]func(*rollout.Workload){broken(0, "InvalidImageName")}, 2 * time.Minute, image},
		"an image that is on its way":            {[]func(*rollout.Workload){broken(0, "ContainerCreating")}, time.Hour, ""},
		"no configuration for two minutes":       {[]func(*rollout.Workload){broken(0, "CreateContainerConfigError")}, 2 * time.Minute, deadline},
		"no configuration just after a crash":    {[]func(*rollout.Workload){broken(1, "CreateContainerConfigError"), ended}, time.Hour + time.Minute, ""},
		"a deadline that passed":                 {[]func(*rollout.Workload){condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded", "")}, 0, deadline},
		"progress":                               {[]func(*rollout.Workload){condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "ReplicaSetUpdated", "")}, time.Hour, ""},
		"a quota that is full":                   {[]func(*rollout.Workload){condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", "exceeded quota: pods")}, 0, chatv1alpha1.ReasonQuotaExceeded},
		"a verdict over an older generation":     {[]func(*rollout.Workload){broken(5, ""), func(w *rollout.Workload) { w.Deployment.Generation = 8 }}, time.Hour, ""},
		"a deadline of a rollout that went well": {[]func(*rollout.Workload){condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded", ""), func(w *rollout.Workload) { w.Deployment.Status.AvailableReplicas = 2 }}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := workload(test.changes...).Failure(start.Add(test.after), time.Time{})
			if got == nil {
				got = &rollout.Failure{}
			}
			if got.Reason != test.want || strings.Contains(got.Message, "text of a registry") {
				t.Errorf("got %+v, want %s", got, test.want)
			}
		})
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	unschedulable := func(w *rollout.Workload) {
		broken(0, "")(w)
		w.Pods[0].Status.Conditions = append(w.Pods[0].Status.Conditions,
			corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable})
	}
	older := func(w *rollout.Workload) {
		old := pod("c", "set-1", true)
		old.Labels["app.kubernetes.io/version"] = "0.4.9"
		w.Pods, w.Deployment.Status.Replicas = append(w.Pods, old), 3
	}
	for name, test := range map[string]struct {
		parts                   []rollout.Workload
		reason, version         string
		desired, ready, updated int32
	}{
		"nothing there yet":       {nil, chatv1alpha1.ServiceWaiting, "", 3, 0, 0},
		"converged":               {[]rollout.Workload{workload()}, chatv1alpha1.ServiceConverged, "0.5.0", 2, 2, 2},
		"two seats":               {[]rollout.Workload{workload(), workload(broken(0, ""))}, chatv1alpha1.ServiceProgressing, "0.5.0", 4, 3, 4},
		"an old pod serves still": {[]rollout.Workload{workload(older)}, chatv1alpha1.ServiceProgressing, "0.4.9", 2, 2, 2},
		"no image":                {[]rollout.Workload{workload(broken(0, "ErrImagePull")), workload(broken(3, "CrashLoopBackOff"))}, chatv1alpha1.ServiceImagePullFailed, "0.5.0", 4, 2, 4},
		"crashes":                 {[]rollout.Workload{workload(broken(3, "CrashLoopBackOff")), workload(unschedulable)}, chatv1alpha1.ServiceCrashLooping, "0.5.0", 4, 2, 4},
		"no node":                 {[]rollout.Workload{workload(unschedulable)}, chatv1alpha1.ServiceUnschedulable, "0.5.0", 2, 1, 2},
		"a seat that is not made": {[]rollout.Workload{workload(), {}}, chatv1alpha1.ServiceWaiting, "0.5.0", 2, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := rollout.State("message", 3, test.parts)
			got.Message = ""
			want := chatv1alpha1.ServiceStatus{Name: "message", Reason: test.reason, Version: test.version, Desired: test.desired, Ready: test.ready, Updated: test.updated}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
