// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const uid = types.UID("6f1c9c0e-5b0a-4c3e-9d0b-2f6f1f3f7a11")

// start runs a kube-apiserver and an etcd until the test ends.
func start(t *testing.T) (*envtest.Environment, client.Client) {
	t.Helper()
	environment, config := apiservertest.Start(t)
	c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return environment, c
}

// counter is what Applier.Counting tells.
type counter struct {
	mu     sync.Mutex
	writes []string
}

func (c *counter) add(kind, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, kind+" "+outcome)
}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	writes := c.writes
	c.writes = nil
	return writes
}

// room is a namespace of its own with an Applier.
type room struct {
	client.Client
	namespace string
	applier   *apply.Applier
	writes    *counter
}

func newRoom(t *testing.T, c client.Client) room {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "apply-"}}
	if err := c.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	writes := &counter{}
	return room{Client: c, namespace: namespace.Name, applier: apply.New(c, c).Counting(writes.add), writes: writes}
}

// input is the case of the builders' tests, moved into the room.
func (r room) input(t *testing.T, dir string) manifest.Input {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "chatcluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := chatv1alpha1.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	cluster = cluster.WithDefaults()
	cluster.UID, cluster.Namespace = uid, r.namespace
	binding := manifest.Binding{Secret: "bound", Keys: map[string]string{}, Host: "store.example.com"}
	for _, entry := range []string{component.EntryHost, component.EntryUsername, component.EntryPassword} {
		binding.Keys[entry] = entry
	}
	return manifest.Input{
		Cluster:       cluster,
		Image:         "registry.example.com/parley:" + cluster.Spec.Version,
		Version:       cluster.Spec.Version,
		Bindings:      map[component.Dependency]manifest.Binding{component.MySQL: binding, component.RabbitMQ: binding},
		BindingHashes: map[component.Name]string{component.User: "hash"},
		Keys: []manifest.Keys{{
			Secret: manifest.KeysName(cluster.Name), Entries: []string{component.PublicKey(component.User), component.PageTokenKey},
		}},
		OperatorNamespace: "parley-system",
		OperatorLabels:    map[string]string{manifest.LabelName: "parley-operator"},
		Seats:             []int32{0, 1},
	}
}

// wishes of all kinds that are applied.
func wishes(in manifest.Input) []apply.Config {
	list := add(nil, manifest.ServiceAccounts(in)...)
	if role := manifest.RingRole(in); role != nil {
		list = append(list, role)
	}
	list = add(list, manifest.RingRoleBindings(in)...)
	list = add(list, manifest.NetworkPolicies(in)...)
	list = add(list, manifest.Services(in)...)
	list = add(list, manifest.PodDisruptionBudgets(in)...)
	for _, name := range manifest.Running(in.Cluster) {
		if name == component.Gateway {
			continue
		}
		list = append(list, manifest.Deployment(in, name))
		if scaler := manifest.HorizontalPodAutoscaler(in, name); scaler != nil {
			list = append(list, scaler)
		}
	}
	for _, seat := range in.Seats {
		list = append(list, manifest.GatewayDeployment(in, seat))
	}
	return list
}

func add[T apply.Config](list []apply.Config, more ...T) []apply.Config {
	for _, wish := range more {
		list = append(list, wish)
	}
	return list
}

func (r room) apply(t *testing.T, wish apply.Config, current client.Object, want apply.Outcome) {
	t.Helper()
	got, err := r.applier.Apply(t.Context(), uid, wish, current)
	if err != nil || got != want {
		t.Fatalf("%s %s: got %s, %v, want %s", *wish.GetKind(), *wish.GetName(), got, err, want)
	}
}

func (r room) get(t *testing.T, name string, into client.Object) {
	t.Helper()
	if err := r.Get(t.Context(), types.NamespacedName{Namespace: r.namespace, Name: name}, into); err != nil {
		t.Fatal(err)
	}
}
