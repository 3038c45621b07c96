// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/chatcluster"
)

// view is what a cache that is late shows.
type view struct {
	cluster *chatv1alpha1.ChatCluster
	lists   map[reflect.Type]client.ObjectList
}

// look makes a view of what there is.
func (w world) look(ctx context.Context) (*view, error) {
	v := &view{lists: map[reflect.Type]client.ObjectList{}}
	cluster := &chatv1alpha1.ChatCluster{}
	switch err := w.Get(ctx, w.key, cluster); {
	case err == nil:
		v.cluster = cluster
	case !apierrors.IsNotFound(err):
		return nil, err
	}
	for _, kind := range chatcluster.Children() {
		gvk, err := w.GroupVersionKindFor(kind)
		if err != nil {
			return nil, err
		}
		object, err := w.Scheme().New(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err != nil {
			return nil, err
		}
		list, _ := object.(client.ObjectList)
		if err := w.List(ctx, list, client.InNamespace(w.key.Namespace)); err != nil {
			return nil, err
		}
		v.lists[reflect.TypeOf(list)] = list
	}
	return v, nil
}

// without shows no Deployment of this name.
func (v *view) without(name string) *view {
	list, _ := v.lists[reflect.TypeFor[*appsv1.DeploymentList]()].(*appsv1.DeploymentList)
	list.Items = slices.DeleteFunc(list.Items, func(d appsv1.Deployment) bool { return d.Name == name })
	return v
}

// get answers for the ChatCluster, the only object that the operator reads by name from its cache.
func (v *view) get(key client.ObjectKey, o client.Object) error {
	cluster, ok := o.(*chatv1alpha1.ChatCluster)
	if !ok || v.cluster == nil {
		return apierrors.NewNotFound(chatv1alpha1.GroupVersion().WithResource("chatclusters").GroupResource(), key.Name)
	}
	v.cluster.DeepCopyInto(cluster)
	return nil
}

func (v *view) list(into client.ObjectList, options ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(options)
	items, err := meta.ExtractList(v.lists[reflect.TypeOf(into)])
	if err != nil {
		return err
	}
	var wanted []runtime.Object
	for _, item := range items {
		accessor, err := meta.Accessor(item)
		if err != nil {
			return err
		}
		if o.LabelSelector == nil || o.LabelSelector.Matches(labels.Set(accessor.GetLabels())) {
			wanted = append(wanted, item.DeepCopyObject())
		}
	}
	return meta.SetList(into, wanted)
}

// settleLate dies after every single write, and after each one the next operator sees the world once as it
// was before that write.
func (w world) settleLate(t *testing.T) {
	t.Helper()
	for range 200 {
		m := &mortal{after: 1, look: func() (*view, error) { return w.look(t.Context()) }}
		err := w.pass(t, m)
		if !m.isDead() && err != nil {
			t.Fatal(err)
		}
		moved := w.live(t)
		if !m.isDead() {
			if !moved {
				return
			}
			continue
		}
		late := immortal()
		late.frozen = m.before
		if err := w.pass(t, late); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			t.Fatalf("with an old view: %v", err)
		}
		w.live(t)
	}
	t.Fatalf("no end after 200 passes: %+v", w.cluster(t).Status)
}

// testLate compares with runs that nothing disturbs.
func testLate(t *testing.T, c client.WithWatch) {
	calm, late := newWorld(t, c), newWorld(t, c)
	for i, way := range []func(*testing.T, world){
		func(t *testing.T, w world) { w.mustCreate(t, w.newCluster(t)) },
		replicas(4), replicas(2), version("0.2.0"), version("0.1.0"), password("second"),
	} {
		way(t, calm)
		calm.settle(t, immortal())
		way(t, late)
		late.settleLate(t)
		if diff := cmp.Diff(calm.end(t), late.end(t)); diff != "" {
			t.Fatalf("way %d: %s", i, diff)
		}
	}
}
