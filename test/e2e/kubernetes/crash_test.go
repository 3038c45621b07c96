// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
)

// TestShortF1_F2_F12_F19_NothingIsLostWhilePodsDie: ten people write 500 messages, in pairs and both ways, while a pod of
// each component is taken away and RabbitMQ is restarted. At the end the ChatCluster is deleted, and nothing
// is left but what the user has made.
func TestShortF1_F2_F12_F19_NothingIsLostWhilePodsDie(t *testing.T) {
	c := install(t, "e2e-crash")
	c.survives(t, load{people: 10, devices: 1, sends: 500, over: 50 * time.Second},
		c.forceDelete(component.Gateway, 0), c.forceDelete(component.Message, 0), c.forceDelete(component.Transmit, 0),
		c.restartRabbitMQ(), c.forceDelete(component.Gateway, 1))
	c.deleted(t)
}

// deleted deletes the ChatCluster and waits until only the user's Secrets are there.
func (c *chat) deleted(t *testing.T) {
	t.Helper()
	if _, err := c.here(t.Context(), "delete", "chatcluster", chatName, "--timeout=2m"); err != nil {
		t.Fatal(err)
	}
	if err := until(t.Context(), c.empty); err != nil {
		t.Error(err)
	}
}

// empty asks for every kind that the API server knows.
func (c *chat) empty(ctx context.Context) error {
	kinds, err := c.kubectl(ctx, "api-resources", "--verbs=list", "--namespaced", "-o", "name")
	if err != nil {
		return err
	}
	asked := slices.DeleteFunc(strings.Fields(kinds), func(kind string) bool {
		return strings.HasPrefix(kind, "events") || strings.HasPrefix(kind, "pods.metrics")
	})
	found, err := c.here(ctx, "get", strings.Join(asked, ","), "-o", "name", "--ignore-not-found")
	if err != nil {
		return err
	}
	// What every namespace has, the user's Secrets, and helm's note of the release.
	mine := []string{"configmap/kube-root-ca.crt", "serviceaccount/default", "secret/" + mysqlSecret, "secret/" + amqpSecret, "secret/sh.helm.release.v1." + chatName + ".v1"}
	left := slices.DeleteFunc(strings.Fields(found), func(name string) bool { return slices.Contains(mine, name) })
	if len(left) > 0 {
		return fmt.Errorf("after the deletion there is still %s", strings.Join(left, " "))
	}
	return nil
}
