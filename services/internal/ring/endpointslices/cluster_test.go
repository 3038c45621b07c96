// SPDX-License-Identifier: Apache-2.0

package endpointslices_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/parley-chat/parley/services/internal/ring"
)

// cluster starts a real API server, or skips the test.
func cluster(t *testing.T) *envtest.Environment {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("needs etcd and kube-apiserver in the folder KUBEBUILDER_ASSETS")
		}
		t.Skip("needs etcd and kube-apiserver in the folder KUBEBUILDER_ASSETS")
	}
	environment := &envtest.Environment{}
	if _, err := environment.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	return environment
}

// admin may do all; its connections end with the test.
func admin(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, discoveryv1.AddToScheme, rbacv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	connections, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connections.CloseIdleConnections)
	c, err := client.New(config, client.Options{Scheme: scheme, HTTPClient: connections})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reader is who may only list and watch slices of the namespace, as the Role of a gateway says.
func reader(t *testing.T, environment *envtest.Environment, c client.Client) *rest.Config {
	t.Helper()
	user, err := environment.AddUser(envtest.User{Name: "gateway"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Name: "ring", Namespace: "chat"}
	create(t, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "chat"}}, &rbacv1.Role{
		ObjectMeta: meta,
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}}},
	}, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "ring"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "gateway"}},
	})
	return user.Config()
}

func create(t *testing.T, c client.Client, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		o.SetResourceVersion("")
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARealServer lets the ring follow a pod through its life, over an API server that goes away.
func TestARealServer(t *testing.T) {
	t.Parallel()
	environment := cluster(t)
	c := admin(t, environment.Config)
	config := reader(t, environment, c)
	way := newWay(t, config)
	other := newSlice("other", map[string]string{"seat-7": "o"})
	other.Labels[discoveryv1.LabelServiceName] = "another-service"
	pods := newSlice("one", map[string]string{"seat-0": "a"})
	create(t, c, other, pods)

	source := start(t, config)
	<-source.Known()
	await(t, source, "the pod is ready", func(m []ring.Member) bool { return len(m) == 1 && m[0].Ready && m[0].Pod == "pod-a" })
	set(t, c, pods, false, true, true)
	await(t, source, "the pod drains", func(m []ring.Member) bool { return len(m) == 1 && !m[0].Ready })

	way.cut()
	set(t, c, pods, false, false, true)
	if len(source.View().Members()) != 1 {
		t.Error("the view went with the server")
	}
	way.open(t)
	await(t, source, "the pod has left", count(0))
	create(t, c, newSlice("two", map[string]string{"seat-0": "b", "seat-1": "c"}))
	await(t, source, "two new pods", count(2))
	if err := c.Delete(t.Context(), pods); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, c client.Client, slice *discoveryv1.EndpointSlice, ready, serving, terminating bool) {
	t.Helper()
	slice.Endpoints[0].Conditions = discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating}
	if err := c.Update(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
}

// way is the network between a client and the server; it can be cut.
type way struct {
	address, server string

	mu          sync.Mutex // guards both
	listener    net.Listener
	connections []net.Conn
}

// newWay leads a configuration over a way.
func newWay(t *testing.T, config *rest.Config) *way {
	t.Helper()
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	w := &way{address: "127.0.0.1:0", server: server.Host}
	w.open(t)
	server.Host = w.address
	config.Host = server.String()
	t.Cleanup(w.cut)
	return w
}

func (w *way) open(t *testing.T) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener, w.address = l, l.Addr().String()
	go w.accept(t.Context(), l)
}

func (w *way) accept(ctx context.Context, l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.server)
		if err != nil {
			_ = from.Close()
			continue
		}
		w.mu.Lock()
		w.connections = append(w.connections, from, to)
		w.mu.Unlock()
		for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}
}

func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.listener.Close()
	for _, c := range w.connections {
		_ = c.Close()
	}
	w.connections = nil
}
