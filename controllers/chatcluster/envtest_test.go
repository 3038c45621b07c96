// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/chatcluster"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

// start runs a kube-apiserver and an etcd with the kind ChatCluster until the test ends. No controller of
// Kubernetes runs beside them.
func start(t *testing.T) client.WithWatch {
	t.Helper()
	_, config := apiservertest.Start(t, "../../config/crd/bases")
	kinds := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(kinds), chatv1alpha1.AddToScheme(kinds)); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: kinds})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// errCrash is what every call answers after the operator has died.
var errCrash = errors.New("the operator has died")

// mortal counts writes, and dies after some of them.
type mortal struct {
	writes []string
	// after is the count of writes that are done before it dies; negative for ever.
	after int
	// strike happens before the write of this number, the first being 0.
	strikeAt int
	strike   func() error
	// frozen is what it sees instead of the world.
	frozen *view
	// look is called before each write, and before is what it answered for the last one.
	look   func() (*view, error)
	before *view
}

func (m *mortal) isDead() bool { return m.after >= 0 && len(m.writes) >= m.after }

// write does one, unless it is dead; the answer to its last write never arrives.
func (m *mortal) write(what string, do func() error) error {
	if m.isDead() {
		return errCrash
	}
	if m.strike != nil && len(m.writes) == m.strikeAt {
		if err := m.strike(); err != nil {
			return err
		}
	}
	m.writes = append(m.writes, what)
	if m.look != nil {
		seen, err := m.look()
		if err != nil {
			return err
		}
		m.before = seen
	}
	if err := do(); err != nil {
		return err
	}
	if m.isDead() {
		return errCrash
	}
	return nil
}

func (m *mortal) wrap(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if m.frozen != nil {
				return m.frozen.get(key, o)
			}
			return c.Get(ctx, key, o, options...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if m.frozen != nil {
				return m.frozen.list(list, options...)
			}
			if err := c.List(ctx, list, options...); err != nil {
				return err
			}
			return meta.EachListItem(list, func(o runtime.Object) error { // as the operator's cache does
				_, err := chatcluster.Trim(o)
				return err
			})
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			return m.write("create "+o.GetName(), func() error { return c.Create(ctx, o, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return m.write("delete "+o.GetName(), func() error { return c.Delete(ctx, o, options...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			return m.write(fmt.Sprintf("apply %T", o), func() error { return c.Apply(ctx, o, options...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			return m.write("patch "+o.GetName(), func() error { return c.Patch(ctx, o, p, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
			return m.write("patch "+sub, func() error { return c.SubResource(sub).Patch(ctx, o, p, options...) })
		},
	})
}

// day is what a test changes of a world's surroundings.
type day struct {
	now time.Time
	// broken images cannot be pulled; with a deadline of progress it is passed instead.
	broken   map[string]bool
	deadline time.Time
	// unknown images hold up even the Job that changes the schemas.
	unknown map[string]bool
	// refused makes Jobs fail.
	refused bool
	// rebuild is what becomes of the Job of a rebuild that has not ended; nil: it ends well at once. progress is what its
	// pod tells.
	rebuild  func(*testing.T, world, *batchv1.Job) bool
	progress component.ReindexStatus
	// sessions of each seat of the gateway; without it no pod answers.
	sessions map[string]int
	// answers is the version that pods tell, where it is not their label's.
	answers string
	// index is how pods that answer see their index.
	index  *component.IndexStatus
	events []string
	// operator that remembers; without it every pass is one of an operator that knows nothing.
	operator *chatcluster.Reconciler
	writer   *mortal
}

// Eventf collects Events.
func (d *day) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	d.events = append(d.events, reason+": "+fmt.Sprintf(note, args...))
}

// takeEvents answers the reasons of the Events since the last time, each once, in the order of their names.
func (d *day) takeEvents() []string {
	var reasons []string
	for _, event := range d.events {
		reason, _, _ := strings.Cut(event, ":")
		reasons = append(reasons, reason)
	}
	d.events = nil
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// world is a namespace with one ChatCluster, which a kubelet of the test brings to life.
type world struct {
	client.WithWatch
	key client.ObjectKey
	*day
}

func newWorld(t *testing.T, c client.WithWatch) world {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chat-"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	w := world{
		WithWatch: c, key: client.ObjectKey{Namespace: namespace.Name, Name: "acme"},
		day: &day{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)},
	}
	for _, store := range []string{"mysql", "rabbitmq"} {
		w.mustCreate(t, w.secret(store))
	}
	return w
}

func (w world) secret(store string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-" + store},
		StringData: map[string]string{"host": store + ".example.com", "username": "chat", "password": "first"},
	}
}

func (w world) mustCreate(t *testing.T, o client.Object) {
	t.Helper()
	if err := w.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (w world) newCluster(t *testing.T, changes ...func(*chatv1alpha1.ChatCluster)) *chatv1alpha1.ChatCluster {
	t.Helper()
	// As people write it: the schema's defaults are the server's to fill in.
	cluster, err := chatv1alpha1.Decode([]byte(`
apiVersion: chat.parley.dev/v1alpha1
kind: ChatCluster
metadata: {name: acme}
spec:
  version: "0.1.0"
  profile: Development
  image: {repository: registry.example.com/parley}
  services: {gateway: {replicas: 2}}
  dependencies:
    mysql: {secretRef: {name: acme-mysql}}
    rabbitmq: {secretRef: {name: acme-rabbitmq}}
`))
	if err != nil {
		t.Fatal(err)
	}
	cluster.Namespace = w.key.Namespace
	for _, change := range changes {
		change(cluster)
	}
	return cluster
}

func (w world) cluster(t *testing.T) *chatv1alpha1.ChatCluster {
	t.Helper()
	cluster := &chatv1alpha1.ChatCluster{}
	if err := w.Get(t.Context(), w.key, cluster); err != nil {
		t.Fatal(err)
	}
	return cluster
}

func (w world) change(t *testing.T, change func(*chatv1alpha1.ChatCluster)) {
	t.Helper()
	cluster := w.cluster(t)
	change(cluster)
	if err := w.Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
}

// remember gives the world an operator that remembers.
func (w world) remember() {
	w.writer = immortal()
	w.operator = w.newOperator(w.writer)
}

func (w world) newOperator(m *mortal) *chatcluster.Reconciler {
	return chatcluster.New(m.wrap(w.WithWatch), w.WithWatch, w.day, chatcluster.Options{
		Version: "0.2.0", ImageRepository: "registry.example.com/parley", AllowedRepositories: []string{"registry.example.com"},
		SecretPoll: time.Minute, Random: rand.Reader, Now: func() time.Time { return w.now }, Ask: w.ask,
	})
}

// pass is one of an operator that knows nothing from before, unless the world has one that remembers.
func (w world) pass(t *testing.T, m *mortal) error {
	t.Helper()
	r := w.operator
	if r == nil {
		r = w.newOperator(m)
	}
	_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: w.key})
	return err
}

// settle passes until nothing is written any more, or the operator dies.
func (w world) settle(t *testing.T, m *mortal) {
	t.Helper()
	if w.operator != nil {
		m = w.writer
	}
	for range 60 {
		before := len(m.writes)
		err := w.pass(t, m)
		if m.isDead() {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if moved := w.live(t); !moved && len(m.writes) == before {
			return
		}
	}
	t.Fatalf("no end after 60 passes: %+v", w.cluster(t).Status)
}

func immortal() *mortal { return &mortal{after: -1} }

func (w world) checkMessage(t *testing.T, parts ...string) {
	t.Helper()
	ready := meta.FindStatusCondition(w.cluster(t).Status.Conditions, chatv1alpha1.ConditionReady)
	for _, part := range parts {
		if ready == nil || !strings.Contains(ready.Message, part) {
			t.Errorf("Ready does not name %s: %+v", part, ready)
		}
	}
}

func (w world) checkReady(t *testing.T, status metav1.ConditionStatus, reason string) {
	t.Helper()
	cluster := w.cluster(t)
	ready := meta.FindStatusCondition(cluster.Status.Conditions, chatv1alpha1.ConditionReady)
	if ready == nil || ready.Status != status || ready.Reason != reason {
		t.Fatalf("Ready is %+v, want %s with %s", ready, status, reason)
	}
	if cluster.Status.ObservedGeneration != cluster.Generation {
		t.Errorf("observed generation %d of %d", cluster.Status.ObservedGeneration, cluster.Generation)
	}
}
