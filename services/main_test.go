// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// limit of every wait in these tests.
const limit = 60 * time.Second

// parley runs one command line to its end.
func parley(t *testing.T, environ map[string]string, args ...string) (out string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	err = run(ctx, args, environ, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("parley %v wrote to standard error: %s", args, stderr.String())
	}
	return stdout.String(), err
}

func TestMistakesAreOneLineThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sqlite := map[string]string{"PARLEY_MYSQL_DSN": "sqlite:" + filepath.Join(dir, "x.db")}
	server := map[string]string{"PARLEY_MYSQL_DSN": "mysql://root@127.0.0.1:1/"}
	for name, row := range map[string]struct {
		environ map[string]string
		args    string
		want    string
	}{
		"an unknown command":             {nil, "sevre", `there is no command "sevre": parley --help lists all`},
		"an unknown flag":                {nil, "dev --colour", "unknown flag: --colour: parley dev --help lists all flags"},
		"a port that is no number":       {nil, "dev --port x", "parley dev --help lists all flags"},
		"a port that is none":            {nil, "dev --data " + dir + "/d --port 70000", "port 70000: choose one from 1 to 65535 with --port"},
		"a manifest that is missing":     {nil, "dev -f " + dir + "/none.yaml", "choose another with -f"},
		"a manifest that is empty":       {nil, "dev -f " + empty, "is empty: choose a file that holds a ChatCluster with -f"},
		"a folder as manifest":           {nil, "dev -f " + dir, "is no manifest: choose a YAML file with -f"},
		"a service without settings":     {nil, "user", "PARLEY_MYSQL_DSN must name a database: parley user --help lists all settings"},
		"a level that is none":           {map[string]string{"PARLEY_MYSQL_DSN": "sqlite:/x", "PARLEY_LOG_LEVEL": "loud"}, "message", "PARLEY_LOG_LEVEL"},
		"a number that is none":          {map[string]string{"PARLEY_GATEWAY_MAX_SESSIONS": "many"}, "gateway", "MaxSessions"},
		"keys that are missing":          {map[string]string{"PARLEY_MYSQL_DSN": "sqlite:" + dir + "/u.db", "PARLEY_KEYS_DIR": dir + "/none", "PARLEY_RABBITMQ_URL": "amqp://h/"}, "user", "make keys with parley keys --dir DIR and set PARLEY_KEYS_DIR to that folder"},
		"reindex without settings":       {nil, "reindex", "PARLEY_ELASTICSEARCH_URL must name an Elasticsearch: parley reindex --help has examples"},
		"arguments of a service":         {nil, "user now", `unknown command "now" for "parley user": parley user --help has examples`},
		"a probe of nothing":             {nil, "probe", "accepts 1 arg(s), received 0: parley probe --help has examples"},
		"keys without a folder":          {nil, "keys", "name a folder for the keys: parley keys --dir keys"},
		"keys below a file":              {nil, "keys " + empty + "/x", "cannot be made: choose another with --dir"},
		"migrate without a server":       {nil, "migrate", "PARLEY_MYSQL_DSN is not set"},
		"migrate what has no tables":     {server, "migrate gateway", `"gateway" owns no tables: name user, friend, file or message`},
		"migrate with a bad prefix":      {server, "migrate --prefix A-b", "--prefix: use at most 24"},
		"migrate all into one schema":    {map[string]string{"PARLEY_MYSQL_DSN": "mysql://root@127.0.0.1:1/parley_user"}, "migrate", "name that service too, or leave the schema out"},
		"migrate all into one file":      {sqlite, "migrate", "name that service too"},
		"migrate at a bad address":       {map[string]string{"PARLEY_MYSQL_DSN": "mysql://hunter2@"}, "migrate", "PARLEY_MYSQL_DSN cannot be read: write mysql://"},
		"migrate where nobody listens":   {server, "migrate --wait 0s", "MySQL does not answer: check that it runs and that PARLEY_MYSQL_DSN names its host and port"},
		"an address in another form":     {map[string]string{"PARLEY_MYSQL_DSN": "hunter2"}, "migrate", "PARLEY_MYSQL_DSN cannot be read"},
		"a flag of another command":      {nil, "version --port 1", "parley version --help lists all flags"},
		"a doctor's argument that is no": {server, "doctor gateway", "2 of 2 checks found a problem"},
	} {
		_, err := parley(t, row.environ, strings.Fields(row.args)...)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		got := line(err)
		if !strings.Contains(got, row.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: a secret is printed: %s", name, got)
		}
	}
}

func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"", "dev", "migrate", "doctor", "keys", "probe", "gateway", "user", "friend", "message", "transmit"} {
		out, err := parley(t, nil, strings.Fields(command+" --help")...)
		if err != nil || !strings.Contains(out, "Examples:\n  ") || !strings.Contains(out, "parley "+command) {
			t.Errorf("parley %s --help: %v\n%s", command, err, out)
		}
	}
	out, err := parley(t, nil)
	if err != nil || !strings.Contains(out, "Available Commands:") {
		t.Errorf("parley alone: %v\n%s", err, out)
	}
}

// A command line in the documents is one that the program takes: its commands and flags are there.
func TestDocumentsUseCommandsThatExist(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, file := range []string{"README.md", "docs/operations.md", "docs/api.md", "docs/objectstore.md"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^|`)parley ([a-z][^`\\n]*)").FindAllStringSubmatch(string(text), -1) {
			whole, _, _ := strings.Cut(m[1], " #")
			for alternative := range strings.SplitSeq(whole, " | ") {
				lines++
				command, rest, err := newRoot(streams{}).Find(strings.Fields(alternative))
				if err == nil {
					err = command.ParseFlags(rest)
				}
				if err != nil && !errors.Is(err, pflag.ErrHelp) || !command.HasParent() {
					t.Errorf("%s: parley %s: %v", file, alternative, err)
				}
			}
		}
	}
	if lines < 20 {
		t.Errorf("%d command lines were found", lines)
	}
}

// The example of a service has every setting that it cannot do without, and its help none that it does not read.
func TestTheExampleOfAServiceStartsIt(t *testing.T) {
	t.Parallel()
	for _, service := range services() {
		environ := map[string]string{}
		for line := range strings.SplitSeq(exampleOf(service.name, service.config), "\n") {
			if key, value, found := strings.Cut(strings.Trim(line, " \\"), "="); found {
				environ[key] = value
			}
		}
		environ["PARLEY_KEYS_DIR"] = filepath.Join(t.TempDir(), "none")
		_, err := parley(t, environ, string(service.name))
		if err == nil || !strings.Contains(err.Error(), "load keys") {
			t.Errorf("%s does not come as far as its keys: %v", service.name, err)
		}
		out, err := parley(t, nil, string(service.name), "--help")
		if err != nil {
			t.Error(err)
		}
		for _, key := range []string{"PARLEY_MYSQL_DSN", "PARLEY_RABBITMQ_URL"} {
			if strings.Contains(out, "Instead of "+key) != strings.Contains(out, "\n  "+key+" ") {
				t.Errorf("%s --help names a substitute for %s, or none", service.name, key)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	out, err := parley(t, nil, "version")
	if err != nil || !strings.HasPrefix(out, "parley dev (go") || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	t.Parallel()
	for _, service := range services() {
		rows := settingsOf(reflect.TypeOf(service.config))
		if len(rows) < 4 {
			t.Errorf("%s has only %d settings", service.name, len(rows))
		}
		for _, row := range rows {
			if meaning(row[0]) == "" {
				t.Errorf("%s: %s has no explanation", service.name, row[0])
			}
		}
	}
}

func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	out, err := parley(t, nil, "keys", "--dir", dir)
	if err != nil || out != "Made the keys of all components in "+dir+"; set PARLEY_KEYS_DIR to it\n" {
		t.Fatalf("got %q, %v", out, err)
	}
	before := read(t, dir)
	_, err = parley(t, nil, "keys", dir)
	if err == nil || !strings.Contains(err.Error(), "holds keys already and they are kept") {
		t.Errorf("the second time: %v", err)
	}
	if diff := cmp.Diff(before, read(t, dir)); diff != "" {
		t.Error("keys were changed")
	}
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(text)
	}
	return files
}

func TestMigrateOfAFile(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"user", "friend", "file", "message"} {
		environ := map[string]string{"PARLEY_MYSQL_DSN": sqldbtest.SQLiteDSN(t)}
		out, err := parley(t, environ, "migrate", service)
		if err != nil || !strings.HasPrefix(out, fmt.Sprintf("%-8s  sqlite                    schema ", service)) || !strings.HasSuffix(out, ", was 0\n") {
			t.Errorf("%s: got %q, %v", service, out, err)
		}
		out, err = parley(t, environ, "migrate", "--service", service)
		if err != nil || !strings.HasSuffix(out, ", nothing to do\n") {
			t.Errorf("%s again: got %q, %v", service, out, err)
		}
	}
}

// lockedBuffer is a log that a service and the test share.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestServicesStartAndStop runs each service as a pod does: nothing that it depends on is there, and it
// stays up until it is asked to end.
func TestServicesStartAndStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := parley(t, nil, "keys", filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	for _, service := range services() {
		t.Run(string(service.name), func(t *testing.T) {
			t.Parallel()
			ops := free(t)
			environ := map[string]string{
				"PARLEY_KEYS_DIR": filepath.Join(dir, "keys"), "PARLEY_MYSQL_DSN": sqldbtest.SQLiteDSN(t), "PARLEY_RABBITMQ_URL": "amqp://127.0.0.1:1/",
				"PARLEY_PUBLIC_LISTEN": "127.0.0.1:0", "PARLEY_RPC_LISTEN": "127.0.0.1:0", "PARLEY_OPS_LISTEN": ops,
				"PARLEY_UPSTREAM_USER_URL": "http://127.0.0.1:1", "PARLEY_UPSTREAM_FRIEND_URL": "http://127.0.0.1:1",
				"PARLEY_UPSTREAM_MESSAGE_URL": "http://127.0.0.1:1", "PARLEY_UPSTREAM_FILE_URL": "http://127.0.0.1:1", "PARLEY_RING_MEMBERS": "0=gateway-0@http://127.0.0.1:1",
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out, log lockedBuffer
			done := make(chan error, 1)
			go func() { done <- run(ctx, []string{string(service.name)}, environ, &out, &log) }()
			waitReady(t, "http://"+ops+"/readyz", done, &log)
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(limit):
				t.Fatalf("it does not stop\n%s", log.String())
			}
			if out.String() != "" {
				t.Errorf("it wrote to standard output: %s", out.String())
			}
		})
	}
}

// free is an address that nobody listens on now.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestABusyAddressOfAService(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	keys := filepath.Join(t.TempDir(), "keys")
	if _, err := parley(t, nil, "keys", keys); err != nil {
		t.Fatal(err)
	}
	_, err = parley(t, map[string]string{
		"PARLEY_KEYS_DIR": keys, "PARLEY_MYSQL_DSN": sqldbtest.SQLiteDSN(t), "PARLEY_RABBITMQ_URL": "amqp://127.0.0.1:1/",
		"PARLEY_RPC_LISTEN": listener.Addr().String(), "PARLEY_OPS_LISTEN": "127.0.0.1:0",
		"PARLEY_UPSTREAM_FRIEND_URL": "http://127.0.0.1:1",
	}, "message")
	if err == nil || !strings.Contains(line(err), "stop the program that listens there, or set PARLEY_PUBLIC_LISTEN, PARLEY_RPC_LISTEN") {
		t.Fatalf("got %v", err)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"several":     {errors.Join(errors.New("a"), errors.New("b")), "a; b"},
		"a busy port": {fmt.Errorf("listen: %w", syscall.EADDRINUSE), "listen: address already in use: stop the program that listens there, or set PARLEY_PUBLIC_LISTEN, PARLEY_RPC_LISTEN and PARLEY_OPS_LISTEN to free addresses"},
		"one of dev":  {fmt.Errorf("choose another with --port: %w", syscall.EADDRINUSE), "choose another with --port: address already in use"},
	} {
		if got := line(row.err); got != row.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	want := map[string]string{"A": "1", "B": "x=y", "C": ""}
	if diff := cmp.Diff(want, environment([]string{"A=1", "B=x=y", "C=", "broken"})); diff != "" {
		t.Error(diff)
	}
}
