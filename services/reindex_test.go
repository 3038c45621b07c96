// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
)

// TestReindexLeavesWhyItFailed: the operator reads it there, and tries again where that can help.
func TestReindexLeavesWhyItFailed(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "message.db")
	for name, row := range map[string]struct {
		environ map[string]string
		want    component.ReindexResult
		code    int
	}{
		"no Elasticsearch": {
			map[string]string{component.EnvMySQLDSN: database},
			component.ReindexResult{Reason: "Configuration"},
			component.ExitConfiguration,
		},
		"one that does not answer": {
			map[string]string{component.EnvMySQLDSN: database, component.EnvElasticsearchURL: "http://" + silent(t)},
			component.ReindexResult{Store: component.Elasticsearch, Reason: "Unreachable"},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "result")
			var out bytes.Buffer
			err := run(t.Context(), []string{"reindex", "--result", file}, row.environ, &out, &out)
			if err == nil || exitCode(err) != row.code {
				t.Errorf("exit status %d of %v, want %d", exitCode(err), err, row.code)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got component.ReindexResult
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// silent is an address at which nobody listens.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// TestTheJobOfARebuildReadsWhatUserAndMessageRead: each by its own user of the database, and nothing of the broker.
func TestTheJobOfARebuildReadsWhatUserAndMessageRead(t *testing.T) {
	t.Parallel()
	environ := podEnvironment(t, component.Reindex)
	root := environ[component.EnvBindingRoot]
	if err := os.RemoveAll(filepath.Join(root, string(component.RabbitMQ))); err != nil {
		t.Fatal(err)
	}
	search := filepath.Join(root, string(component.Elasticsearch))
	if err := os.Mkdir(search, 0o700); err != nil {
		t.Fatal(err)
	}
	for entry, text := range map[string]string{"host": "search.stores", "username": "parley", "password": "s"} {
		if err := os.WriteFile(filepath.Join(search, entry), []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	delete(environ, component.EnvMySQLDatabase)
	environ[component.EnvOpsListen] = ":9090"
	chosen, err := selectIndices(environ, nil, "acme")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range chosen {
		cfg, err := indexserver.LoadRebuild(w.environ, w.owner)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join([]string{cfg.MySQLDSN.Reveal(), cfg.Search.URL.Reveal(), cfg.Search.Username.Reveal(), cfg.OpsListen}, " "))
	}
	want := []string{
		"mysql://app:a%3A%2F%40b@db.stores:3306/acme_user https://search.stores:9200 parley :9090",
		"mysql://writer:w@db.stores:3306/acme_message https://search.stores:9200 parley :9090",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is filled anew is what the settings bind, or what is named.
func TestReindexChoosesIndices(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		dsn   string
		names []string
		want  []string // nil: refused
	}{
		"a server":                     {dsn: "mysql://app:secret@db:3306/", want: []string{"people", "messages"}},
		"a server and a name":          {dsn: "mysql://app:secret@db:3306/", names: []string{"user"}, want: []string{"people"}},
		"the schema of message":        {dsn: "mysql://app:secret@db:3306/acme_message", want: []string{"messages"}},
		"the schema of user":           {dsn: "mysql://app:secret@db:3306/acme_user", want: []string{"people"}},
		"a schema of another name":     {dsn: "mysql://app:secret@db:3306/chat", want: []string{"messages"}},
		"a name for it":                {dsn: "mysql://app:secret@db:3306/chat", names: []string{"user"}, want: []string{"people"}},
		"a service without one":        {dsn: "mysql://app:secret@db:3306/", names: []string{"friend"}},
		"nothing, which is said later": {want: []string{"messages"}},
		"nonsense":                     {dsn: "mysql://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{component.EnvElasticsearchURL: "http://search:9200"}
			if row.dsn != "" {
				environ[component.EnvMySQLDSN] = row.dsn
			}
			chosen, err := selectIndices(environ, row.names, defaultPrefix)
			var got []string
			for _, w := range chosen {
				got = append(got, w.texts.Kind)
			}
			if (err == nil) != (row.want != nil) || !slices.Equal(got, row.want) {
				t.Errorf("chosen %v, %v; want %v", got, err, row.want)
			}
		})
	}
}
