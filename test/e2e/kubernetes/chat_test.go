// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/integration/servers"
)

// Where `make kube-demo` has put the operator, and what it runs.
const (
	operatorNamespace = "parley-system"
	version           = "0.1.0"
	nextVersion       = "0.1.1"
)

// The stores listen on the bridge of the cluster, which only this machine and the pods reach.
const (
	storeAddress = "10.233.0.1"
	storeUser    = "parley"
	password     = "only-for-this-run"
	virtualHost  = "parley"
	chatName     = "talk"
	mysqlSecret  = "talk-mysql"
	amqpSecret   = "talk-rabbitmq"
)

// stores are a MariaDB and a RabbitMQ for the pods of one test.
type stores struct {
	mariadb  *servers.MariaDB
	rabbitmq *servers.RabbitMQ
	admin    *sql.DB
	mysql    int // port
	amqp     int
}

func startStores(t *testing.T) *stores {
	t.Helper()
	s := &stores{}
	var err error
	if s.mysql, err = servers.FreePort(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mariadb, err = servers.StartMariaDB(t.Context(), t.TempDir(), servers.MariaDBOptions{
		Port: s.mysql, Args: []string{"--bind-address=127.0.0.1," + storeAddress},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.mariadb.Stop)
	if s.admin, err = sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/", s.mariadb.Addr())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.admin.Close() })
	if err := s.account(t.Context(), storeUser, password); err != nil {
		t.Fatal(err)
	}
	s.startRabbitMQ(t)
	return s
}

// account makes an account with rights on the schemas of the chat.
func (s *stores) account(ctx context.Context, user, password string) error {
	for _, statement := range []string{
		"CREATE OR REPLACE USER " + user + "@'%' IDENTIFIED BY '" + password + "'",
		"GRANT ALL ON `parley\\_%`.* TO " + user + "@'%'",
	} {
		if _, err := s.admin.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *stores) startRabbitMQ(t *testing.T) {
	t.Helper()
	var err error
	if s.amqp, err = servers.FreePort(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.rabbitmq, err = servers.StartRabbitMQ(t.Context(), t.TempDir(), servers.RabbitMQOptions{
		Port: s.amqp, Config: fmt.Sprintf("listeners.tcp.2 = %s:%d", storeAddress, s.amqp),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.rabbitmq.Stop)
	for _, args := range [][]string{
		{"add_vhost", virtualHost},
		{"add_user", storeUser, password},
		{"set_permissions", "-p", virtualHost, storeUser, ".*", ".*", ".*"},
	} {
		if err := s.rabbitmq.Ctl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *stores) mysqlEntries() map[string]string {
	return map[string]string{"host": storeAddress, "port": strconv.Itoa(s.mysql), "username": storeUser, "password": password}
}

func (s *stores) amqpEntries() map[string]string {
	return map[string]string{
		"host": storeAddress, "port": strconv.Itoa(s.amqp), "username": storeUser, "password": password, "virtual-host": virtualHost,
	}
}

// chat is a ChatCluster with its stores.
type chat struct {
	kube
	*stores
}

// spec is a small system that drains fast.
func spec() map[string]any {
	return map[string]any{
		"version": version, "profile": "Development",
		"exposure": map[string]any{"seatRoutes": true},
		"services": map[string]any{"gateway": map[string]any{
			"replicas": 2, "maxSessionsPerPod": 1000,
			"drain": map[string]any{"timeout": "30s", "initialDelay": "1s", "reconnectJitter": "1s", "reconnectDeadline": "5s"},
		}},
		"dependencies": map[string]any{
			"mysql":    map[string]any{"secretRef": map[string]any{"name": mysqlSecret}},
			"rabbitmq": map[string]any{"secretRef": map[string]any{"name": amqpSecret}},
		},
		"upgrade": map[string]any{"progressDeadline": "1m"},
	}
}

// install brings a ChatCluster up by its chart. helm --wait ends when it is ready: nothing else is waited for.
func install(t *testing.T, namespace string) *chat {
	t.Helper()
	c := &chat{kube: openKube(t, namespace)}
	c.stores = startStores(t)
	if err := c.secret(t.Context(), mysqlSecret, c.mysqlEntries()); err != nil {
		t.Fatal(err)
	}
	if err := c.secret(t.Context(), amqpSecret, c.amqpEntries()); err != nil {
		t.Fatal(err)
	}
	values, err := json.Marshal(map[string]any{"spec": spec()})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values.json")
	if err := os.WriteFile(file, values, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.helm(t.Context(), "install", chatName, "charts/parley", "-n", namespace, "--wait", "--timeout", "4m", "-f", file); err != nil {
		t.Fatal(err)
	}
	if err := c.agrees(t.Context(), current); err != nil {
		t.Fatalf("helm install --wait says that it is there: %v", err)
	}
	return c
}

func (c *chat) get(ctx context.Context) (*chatv1alpha1.ChatCluster, error) {
	object := &chatv1alpha1.ChatCluster{}
	return object, c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: chatName}, object)
}

// patch changes the spec.
func (c *chat) patch(ctx context.Context, change map[string]any) error {
	text, err := json.Marshal(map[string]any{"spec": change})
	if err != nil {
		return err
	}
	_, err = c.here(ctx, "patch", "chatcluster", chatName, "--type=merge", "-p", string(text))
	return err
}

// ready is kubectl's word for it.
func (c *chat) ready(ctx context.Context) error {
	_, err := c.here(ctx, "wait", "--for=condition=Ready", "chatcluster/"+chatName, "--timeout=4m")
	return err
}

// deployments are those of the chat, by name.
func (c *chat) deployments(ctx context.Context) (map[string]appsv1.Deployment, error) {
	list := &appsv1.DeploymentList{}
	err := c.List(ctx, list, client.InNamespace(c.namespace), client.MatchingLabels{"app.kubernetes.io/instance": chatName})
	byName := map[string]appsv1.Deployment{}
	for _, d := range list.Items {
		byName[d.Name] = d
	}
	return byName, err
}

// pods of a component, those that end left out.
func (c *chat) pods(ctx context.Context, component string) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	err := c.List(ctx, list, client.InNamespace(c.namespace), client.MatchingLabels{
		"app.kubernetes.io/instance": chatName, "app.kubernetes.io/component": component,
	})
	var live []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			live = append(live, pod)
		}
	}
	if err == nil && len(live) == 0 {
		err = errors.New("no pod of " + component + " lives")
	}
	return live, err
}

// address of a Service, which this machine reaches through a node.
func (c *chat) address(ctx context.Context, service string, port int32) (string, error) {
	object := &corev1.Service{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: service}, object); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", object.Spec.ClusterIP, port), nil
}
