// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// bound is an environment as pods have it: a folder with the entries of the real MySQL.
func bound(t *testing.T, password string) (environ map[string]string, dsn string) {
	t.Helper()
	dsn = strings.TrimSuffix(realServer(t, sqldbtest.DSNVariable, "MySQL or MariaDB"), "/") + "/"
	server, err := url.Parse(dsn)
	if err != nil || server.Scheme != "mysql" {
		t.Fatal("the address of the server must start with mysql://")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "mysql"), 0o700); err != nil {
		t.Fatal(err)
	}
	if password == "" {
		password, _ = server.User.Password()
	}
	for entry, value := range map[string]string{
		"type": "mysql", "host": server.Hostname(), "port": server.Port(),
		"username": "nobody", "password": "wrong", "migration-username": server.User.Username(), "migration-password": password,
	} {
		if err := os.WriteFile(filepath.Join(root, "mysql", entry), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{component.EnvBindingRoot: root, component.EnvMySQLTLS: "Disabled"}, dsn
}

// newPrefix of schemas that the end of the test drops.
func newPrefix(t *testing.T, dsn string) string {
	t.Helper()
	prefix := "job_" + strings.ReplaceAll(time.Now().Format("150405.000000"), ".", "_")
	admin := sqldbtest.Open(t, dsn, nil)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		for _, d := range databases() {
			if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+prefix+"_"+string(d.name)); err != nil {
				t.Log(err)
			}
		}
	})
	return prefix
}

// resultOf a run, with the exit status of its error.
func resultOf(t *testing.T, environ map[string]string, args ...string) (component.MigrationResult, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "result")
	_, err := parley(t, environ, append([]string{"migrate", "--result", file}, args...)...)
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	var result component.MigrationResult
	if jsonErr := json.Unmarshal(text, &result); jsonErr != nil {
		t.Fatalf("%q: %v", text, jsonErr)
	}
	if err == nil {
		return result, 0
	}
	t.Log(line(err))
	return result, exitCode(err)
}

func TestMigrateAsTheJobDoes(t *testing.T) {
	t.Parallel()
	environ, dsn := bound(t, "")
	prefix := newPrefix(t, dsn)
	for _, run := range []string{"the first time", "again"} {
		result, code := resultOf(t, environ, "--create", "--prefix", prefix)
		if code != 0 || len(result.Schemas) != len(component.Owners()) || result.Schemas[component.Message] == 0 || result.Reason != "" ||
			result.Dependencies[component.MySQL] != component.ClassReachable || result.Durability == "" {
			t.Errorf("%s: %d, %+v", run, code, result)
		}
	}
}

func TestMigrateWithAWrongPassword(t *testing.T) {
	t.Parallel()
	environ, _ := bound(t, "hunter2")
	result, code := resultOf(t, environ, "--create", "--prefix", "parley")
	if code != component.ExitConfiguration || result.Reason != "AuthFailed" || result.Dependencies[component.MySQL] != component.ClassAuthFailed {
		t.Errorf("%d, %+v", code, result)
	}
}

func TestMigrateTellsTheReasonOfAFailure(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environ map[string]string
		reason  string
		code    int
	}{
		"nobody listens": {map[string]string{"PARLEY_MYSQL_HOST": "127.0.0.1", "PARLEY_MYSQL_PORT": "1", "PARLEY_MYSQL_TLS": "Disabled"}, "Unreachable", 1},
		"no server":      {nil, "Configuration", component.ExitConfiguration},
		"a bad port":     {map[string]string{"PARLEY_MYSQL_HOST": "127.0.0.1", "PARLEY_MYSQL_PORT": "x", "PARLEY_MYSQL_TLS": "Disabled"}, "Configuration", component.ExitConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if result, code := resultOf(t, row.environ, "--wait", "0s"); code != row.code || result.Reason != row.reason {
				t.Errorf("%d, %+v", code, result)
			}
		})
	}
}
