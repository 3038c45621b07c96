// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var migrationName = regexp.MustCompile(`^(\d{5})_(expand|contract)_[a-z]+_[a-z0-9]+(_[a-z0-9]+)*\.sql$`)

// migrations maps each migration's path to its text.
func migrations(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := walk(func(p string) error {
		if path.Base(path.Dir(p)) != "migrations" || !strings.HasSuffix(p, ".sql") {
			return nil
		}
		text, err := read(p)
		files[p] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMigrationsAreNumberedAndHoldOneChange(t *testing.T) {
	t.Parallel()
	files := migrations(t)
	next := map[string]int{}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		name, dir := path.Base(p), path.Dir(p)
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s: want NNNNN_expand_<verb>_<noun>.sql or NNNNN_contract_…", p)
			continue
		}
		next[dir]++
		if want := fmt.Sprintf("%05d", next[dir]); m[1] != want {
			t.Errorf("%s: want number %s, so that none is skipped or used twice", p, want)
		}
		checkMigrationText(t, p, files[p])
	}
}

func checkMigrationText(t *testing.T, p, text string) {
	t.Helper()
	if strings.Count(text, "-- +goose Up") != 1 || strings.Contains(text, "-- +goose Down") {
		t.Errorf("%s: want one \"-- +goose Up\" and no way down: migrations go forward only", p)
	}
	if n := statements(text); n != 1 {
		t.Errorf("%s holds %d statements, want one: MySQL commits at each, and a crash between two leaves a state that no file describes", p, n)
	}
	upper := strings.ToUpper(text)
	for _, banned := range []string{"ENGINE=", "CHARACTER SET", "CHARSET", "AUTO_INCREMENT", "ENUM(", "MODIFY COLUMN", "DROP INDEX", "INDEX IF NOT EXISTS", "NOW()"} {
		if strings.Contains(upper, banned) {
			t.Errorf("%s uses %s, which MySQL and SQLite do not take alike", p, banned)
		}
	}
}

// statements counts the statements of a migration; comments do not count.
func statements(text string) int {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		code, _, _ := strings.Cut(line, "--")
		n += strings.Count(code, ";")
	}
	return n
}

// TestReleasedMigrationsNeverChange compares with the list that each release extends: a database that has
// run a file never runs it again, so an edit would be lost there and only there.
func TestReleasedMigrationsNeverChange(t *testing.T) {
	t.Parallel()
	list, err := read("test/arch/migrations.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := migrations(t)
	scanner := bufio.NewScanner(strings.NewReader(list))
	for scanner.Scan() {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		want, p, ok := strings.Cut(line, "  ")
		if !ok {
			t.Fatalf("migrations.txt: %q: want sha256, two spaces, path", line)
		}
		text, there := files[p]
		if sum := sha256.Sum256([]byte(text)); !there || hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s was released and then changed or removed: write a new migration", p)
		}
	}
}
