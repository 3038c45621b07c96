// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestUninstallInEitherOrder: a namespace goes away whether the operator or the ChatCluster goes first, and
// what runs goes on while there is no operator.
func TestUninstallInEitherOrder(t *testing.T) {
	for _, order := range []struct {
		name          string
		operatorFirst bool
	}{{"operator first", true}, {"ChatCluster first", false}} {
		t.Run(order.name, func(t *testing.T) {
			c := install(t, "e2e-uninstall")
			restore := c.operatorValues(t)
			t.Cleanup(func() { restore(context.WithoutCancel(t.Context())) })
			if order.operatorFirst {
				c.removeOperator(t)
				c.survives(t, light()) // without an operator
				c.deleted(t)
			} else {
				c.deleted(t)
				c.removeOperator(t)
			}
			if _, err := c.kubectl(t.Context(), "delete", "namespace", c.namespace, "--timeout=2m"); err != nil {
				t.Error(err)
			}
		})
	}
}

// operatorValues notes how the operator is installed, to install it again.
func (c *chat) operatorValues(t *testing.T) (restore func(ctx context.Context)) {
	t.Helper()
	values, err := c.helm(t.Context(), "get", "values", "parley-operator", "-n", operatorNamespace, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "operator.json")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) {
		_, err := c.helm(ctx, "upgrade", "--install", "parley-operator", "charts/parley-operator", "-n", operatorNamespace, "--wait", "--timeout", "2m", "-f", file)
		if err != nil {
			t.Error(err)
		}
	}
}

func (c *chat) removeOperator(t *testing.T) {
	t.Helper()
	_, err := c.helm(t.Context(), "uninstall", "parley-operator", "-n", operatorNamespace, "--wait")
	_, gone := c.kubectl(t.Context(), "-n", operatorNamespace, "wait", "--for=delete", "pods", "--all", "--timeout=1m")
	if err := errors.Join(err, gone); err != nil {
		t.Fatal(err)
	}
}
