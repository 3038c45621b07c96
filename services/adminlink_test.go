// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestThePlatformMakesALinkForAnAdministrator(t *testing.T) {
	t.Parallel()
	environ := map[string]string{"PARLEY_MYSQL_DSN": "sqlite:" + filepath.Join(t.TempDir(), "user.db")}
	if _, err := parley(t, environ, "admin", "link"); err == nil || !strings.Contains(err.Error(), "parley migrate") {
		t.Errorf("without a schema: %v", err)
	}
	if _, err := parley(t, environ, "migrate", "user"); err != nil {
		t.Fatal(err)
	}
	out, err := parley(t, environ, "admin", "link", "--server", "https://chat.example.com")
	if err != nil || !regexp.MustCompile(`^https://chat\.example\.com/#/administrator/parley_a1_[\w-]{43}\n`).MatchString(out) {
		t.Errorf("printed %q, %v", out, err)
	}
	if out, err := parley(t, environ, "admin", "link", "--hash", strings.Repeat("0a", 32)); err != nil || out != "" {
		t.Errorf("a hash: %q, %v; want nothing printed", out, err)
	}
	for name, hash := range map[string]string{"short": "0a", "no hexadecimal": strings.Repeat("x", 64)} {
		if _, err := parley(t, environ, "admin", "link", "--hash", hash); err == nil || !strings.Contains(err.Error(), "64 hexadecimal digits") {
			t.Errorf("a hash that is %s: %v", name, err)
		}
	}
	if _, err := parley(t, nil, "admin", "link"); err == nil || !strings.Contains(err.Error(), "PARLEY_MYSQL_DSN") {
		t.Errorf("without a database: %v", err)
	}
	if _, err := parley(t, nil, "admin", "whoami", "--server", "http://127.0.0.1:1", "--token-file", "/nonexistent/login.json"); exitCode(err) != 3 {
		t.Errorf("a command of people without a login: %v, exit %d; want 3", err, exitCode(err))
	}
}
