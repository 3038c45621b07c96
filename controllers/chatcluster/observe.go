// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

// observed is what the cluster's children were when the pass began.
type observed struct {
	// children by kind and name: those that this ChatCluster controls, and nothing else.
	children map[string]client.Object
	sets     []appsv1.ReplicaSet
	pods     []corev1.Pod
	// told is what pods answered at /statusz, by name of the pod.
	told map[string]component.Status
}

func childKey(kind, name string) string { return kind + "/" + name }

// owned are lists of every kind that a ChatCluster may own, but for its Secret, which is read by name.
func owned() []client.ObjectList {
	return []client.ObjectList{
		&appsv1.DeploymentList{}, &batchv1.JobList{}, &corev1.ServiceList{}, &corev1.ServiceAccountList{}, &rbacv1.RoleList{},
		&rbacv1.RoleBindingList{}, &networkingv1.NetworkPolicyList{}, &policyv1.PodDisruptionBudgetList{},
		&autoscalingv2.HorizontalPodAutoscalerList{},
	}
}

func observe(ctx context.Context, c client.Reader, cluster *chatv1alpha1.ChatCluster) (*observed, error) {
	o := &observed{children: map[string]client.Object{}, told: map[string]component.Status{}}
	ours := selected(cluster)
	for _, list := range owned() {
		if err := c.List(ctx, list, ours...); err != nil {
			return nil, fmt.Errorf("list children: %w", err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			child, ok := item.(client.Object)
			if !ok || !metav1.IsControlledBy(child, cluster) {
				continue
			}
			o.children[childKey(kindOf(child), child.GetName())] = child
		}
	}
	var sets appsv1.ReplicaSetList
	if err := c.List(ctx, &sets, ours...); err != nil {
		return nil, fmt.Errorf("list ReplicaSets: %w", err)
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, ours...); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	o.sets, o.pods = sets.Items, pods.Items
	return o, nil
}

// selected are all children and what they made.
func selected(cluster *chatv1alpha1.ChatCluster) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(cluster.Namespace),
		client.MatchingLabels{manifest.LabelInstance: cluster.Name, manifest.LabelManagedBy: manifest.ManagedBy},
	}
}

// kindOf is the name of the type: objects from a cache do not say their kind.
func kindOf(object client.Object) string { return reflect.TypeOf(object).Elem().Name() }

func (o *observed) child(kind, name string) client.Object {
	child, ok := o.children[childKey(kind, name)]
	if !ok {
		return nil
	}
	return child
}

func (o *observed) deployment(name string) *appsv1.Deployment {
	d, _ := o.child("Deployment", name).(*appsv1.Deployment)
	return d
}

func (o *observed) workload(d *appsv1.Deployment) rollout.Workload {
	return rollout.Workload{Deployment: d, Sets: o.sets, Pods: o.pods}
}

// workloads of a component: one, or for the gateway one per seat, ascending.
func (o *observed) workloads(cluster string, name component.Name) []rollout.Workload {
	if name != component.Gateway {
		return []rollout.Workload{o.workload(o.deployment(manifest.DeploymentName(cluster, name)))}
	}
	var list []rollout.Workload
	for _, seat := range o.seats(cluster) {
		list = append(list, o.workload(o.deployment(manifest.SeatName(cluster, seat))))
	}
	return list
}

// seats that have a Deployment, ascending.
func (o *observed) seats(cluster string) []int32 {
	var list []int32
	for _, child := range o.children {
		d, ok := child.(*appsv1.Deployment)
		if !ok || d.Labels[manifest.LabelComponent] != string(component.Gateway) || d.DeletionTimestamp != nil {
			continue
		}
		number, err := strconv.ParseInt(d.Labels[manifest.LabelSeat], 10, 32)
		if err == nil && d.Name == manifest.SeatName(cluster, int32(number)) {
			list = append(list, int32(number))
		}
	}
	slices.Sort(list)
	return list
}

// draining pods of the gateway: they have been told to end.
func (o *observed) draining() []*corev1.Pod {
	var list []*corev1.Pod
	for i := range o.pods {
		pod := &o.pods[i]
		if pod.Labels[manifest.LabelComponent] == string(component.Gateway) && pod.DeletionTimestamp != nil {
			list = append(list, pod)
		}
	}
	return list
}

// versions of all Deployments, as their labels say.
func (o *observed) versions() []string {
	var list []string
	for _, child := range o.children {
		if d, ok := child.(*appsv1.Deployment); ok && d.Labels[manifest.LabelVersion] != "" {
			list = append(list, d.Labels[manifest.LabelVersion])
		}
	}
	slices.Sort(list)
	return list
}

// seatSessions answers the sessions of a seat's pods, if one of them told.
func (o *observed) seatSessions(cluster string, seat int32) (sessions int, known bool) {
	selector := manifest.SeatSelector(cluster, seat)
	for _, pod := range o.pods {
		status, told := o.told[pod.Name]
		if pod.Labels[manifest.LabelSeat] == selector[manifest.LabelSeat] && told && status.Gateway != nil {
			sessions, known = sessions+status.Gateway.Sessions, true
		}
	}
	return sessions, known
}

// Children lists every kind that is watched and kept, for the cache.
func Children() []client.Object {
	return []client.Object{
		&appsv1.Deployment{}, &appsv1.ReplicaSet{}, &batchv1.Job{}, &corev1.Pod{}, &corev1.Service{}, &corev1.ServiceAccount{},
		&rbacv1.Role{}, &rbacv1.RoleBinding{}, &networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{},
		&autoscalingv2.HorizontalPodAutoscaler{},
	}
}

// deployments of a component that are there.
func (o *observed) deployments(cluster string, name component.Name) []*appsv1.Deployment {
	return o.deploymentsOf(cluster, []component.Name{name})
}
