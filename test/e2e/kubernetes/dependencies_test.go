// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// TestEachWrongDependencyIsNamed: a ChatCluster that cannot work says why, in a condition, and works once
// the reason is gone. Nothing is restarted by hand.
func TestEachWrongDependencyIsNamed(t *testing.T) {
	c := &chat{kube: openKube(t, "e2e-dependencies")}
	c.stores = startStores(t)
	without := func(key string) map[string]string {
		entries := c.mysqlEntries()
		delete(entries, key)
		return entries
	}
	with := func(key, value string) map[string]string {
		entries := maps.Clone(c.mysqlEntries())
		entries[key] = value
		return entries
	}
	if err := c.secret(t.Context(), amqpSecret, c.amqpEntries()); err != nil {
		t.Fatal(err)
	}
	err := c.apply(t.Context(), map[string]any{
		"apiVersion": chatv1alpha1.GroupVersion().String(), "kind": "ChatCluster", "metadata": map[string]any{"name": chatName}, "spec": spec(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, moment := range []struct {
		name    string
		entries map[string]string // nil: no Secret
		reason  string
		says    string
	}{
		{"no Secret", nil, "MySQLSecretMissing", mysqlSecret},
		{"no password", without("password"), "MySQLKeyMissing", "password"},
		{"unreachable", with("port", "9"), "MySQLUnreachable", ""},
		{"wrong password", with("password", "guessed"), "MySQLAuthFailed", ""},
	} {
		t.Run(moment.name, func(t *testing.T) {
			if moment.entries != nil {
				if err := c.rebind(t.Context(), moment.name, moment.entries); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, moment.reason); err != nil {
				t.Fatal(err)
			}
			object, err := c.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := meta.FindStatusCondition(object.Status.Conditions, chatv1alpha1.ConditionDependenciesReady)
			if !strings.Contains(found.Message, moment.says) {
				t.Errorf("%s: the message %q does not name %q", found.Reason, found.Message, moment.says)
			}
			if strings.Contains(told(object), "guessed") || strings.Contains(told(object), password) {
				t.Error("the status shows a password")
			}
		})
	}
	if err := c.rebind(t.Context(), "right", c.mysqlEntries()); err != nil {
		t.Fatal(err)
	}
	if err := c.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.agrees(t.Context(), current); err != nil {
		t.Fatal(err)
	}
	c.survives(t, light())
	c.bindsCodes(t)
}

// bindsCodes adds a provider of codes to a system that runs. A key that its Secret lacks is named, and then
// only the user service has new pods.
func (c *chat) bindsCodes(t *testing.T) {
	t.Helper()
	const secret = "talk-sms"
	entries := map[string]string{"uri": "https://sms.example.com/send"}
	before, err := c.deployments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(c.secret(t.Context(), secret, entries), c.patch(t.Context(), map[string]any{"dependencies": map[string]any{
		"sms": map[string]any{"provider": "Webhook", "secretRef": map[string]any{"name": secret}},
	}}), c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, "SMSKeyMissing"))
	if err != nil {
		t.Fatal(err)
	}
	entries["signing-key"] = password
	if err := errors.Join(c.secret(t.Context(), secret, entries), c.reload(t.Context(), "codes"), c.ready(t.Context()), c.agrees(t.Context(), current)); err != nil {
		t.Fatal(err)
	}
	after, err := c.deployments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range after {
		if rolled := d.Generation != before[name].Generation; rolled != strings.HasSuffix(name, "-user") {
			t.Errorf("%s was rolled: %t", name, rolled)
		}
	}
}

// reload asks the operator to look at the Secrets now.
func (c *chat) reload(ctx context.Context, moment string) error {
	_, err := c.here(ctx, "annotate", "chatcluster", chatName, chatv1alpha1.AnnotationReload+"="+strings.ReplaceAll(moment, " ", "-"), "--overwrite")
	return err
}

// rebind changes the Secret and asks the operator to look now.
func (c *chat) rebind(ctx context.Context, moment string, entries map[string]string) error {
	// What is left out must go: a Secret is made anew.
	if _, err := c.here(ctx, "delete", "secret", mysqlSecret, "--ignore-not-found"); err != nil {
		return err
	}
	if err := c.secret(ctx, mysqlSecret, entries); err != nil {
		return err
	}
	return c.reload(ctx, moment)
}
