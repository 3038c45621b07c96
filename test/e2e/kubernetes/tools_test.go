// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// TestToolsTellTheTruth runs what people run on a system that works: the tests of the charts and each
// command of the plugin. The bundle of the report holds no password.
func TestToolsTellTheTruth(t *testing.T) {
	c := install(t, "e2e-tools")
	for release, namespace := range map[string]string{chatName: c.namespace, "parley-operator": operatorNamespace} {
		if _, err := c.helm(t.Context(), "test", release, "-n", namespace, "--timeout", "2m"); err != nil {
			t.Errorf("helm test: %v", err)
		}
	}
	for _, row := range []struct {
		args []string
		says []string
	}{
		{[]string{"status", chatName}, []string{"Reconciled", "gateway", "message", "mysql", "rabbitmq"}},
		{[]string{"sessions", chatName}, []string{chatName + "-gateway-0", chatName + "-gateway-1"}},
		{[]string{"doctor", chatName}, []string{"MySQL", "RabbitMQ"}},
	} {
		text, err := c.parley(t.Context(), row.args...)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, words := range row.says {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(words)) {
				t.Errorf("kubectl parley %s does not say %q:\n%s", row.args[0], words, text)
			}
		}
	}
	c.reportsNoPassword(t)
	c.survives(t, light(), c.evict())
}

// parley runs the plugin in the namespace.
func (c *chat) parley(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, filepath.Join(c.root, "bin", "kubectl-parley"), append(args, "-n", c.namespace)...)
}

func (c *chat) reportsNoPassword(t *testing.T) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "report.tar.gz")
	if _, err := c.parley(t.Context(), "report", chatName, "-f", bundle); err != nil {
		t.Error(err)
		return
	}
	text, err := exec.CommandContext(t.Context(), "tar", "-xzOf", bundle).Output()
	if err != nil || len(text) == 0 {
		t.Errorf("the bundle has %d bytes: %v", len(text), err)
	}
	if strings.Contains(string(text), password) {
		t.Error("the bundle holds a password")
	}
}

// evict moves the sessions of a gateway away with the plugin, which follows until they have moved.
func (c *chat) evict() scenario.Fault {
	return c.change("kubectl parley drain", func(ctx context.Context) error {
		pods, err := c.pods(ctx, string(component.Gateway))
		if err != nil {
			return err
		}
		text, err := c.parley(ctx, "drain", pods[0].Name)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, text)
		}
		return nil
	})
}
