// SPDX-License-Identifier: Apache-2.0

package servers_test

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the tests speak SQL without our own layers
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/test/integration/servers"
)

// needs skips unless the run is one with servers.
func needs(t *testing.T, variable string) {
	t.Helper()
	if os.Getenv(variable) != "" {
		return
	}
	text := "starts servers of its own, if " + variable + " is set: run `make test`, or `go run ./hack/withservers -- go test ./...`"
	if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// gone waits until nobody runs under an id.
func gone(t *testing.T, pid int) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for alive(pid) {
		select {
		case <-ticker.C:
		case <-deadline.Done():
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func query(t *testing.T, m *servers.MariaDB, statement string) (value string) {
	t.Helper()
	db, err := sql.Open("mysql", strings.Replace(strings.TrimPrefix(m.DSN(), "mysql://"), "@"+m.Addr(), "@tcp("+m.Addr()+")", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), statement).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

func TestMariaDBKeepsPortAndDataThroughAKill(t *testing.T) {
	t.Parallel()
	needs(t, "PARLEY_TEST_MYSQL_DSN")
	m, err := servers.StartMariaDB(t.Context(), t.TempDir(), servers.MariaDBOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	for variable, want := range map[string]string{
		"sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1", "log_bin": "1", "character_set_server": "utf8mb4",
		"bind_address": "127.0.0.1",
	} {
		if got := query(t, m, "SELECT @@"+variable); got != want {
			t.Errorf("%s is %s, want %s", variable, got, want)
		}
	}
	db, err := sql.Open("mysql", "root@tcp("+m.Addr()+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE kept"); err != nil {
		t.Fatal(err)
	}
	pid, dsn := m.PID(), m.DSN()
	m.Kill()
	gone(t, pid)
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.DSN() != dsn || m.PID() == pid {
		t.Errorf("%s as %d after %s as %d", m.DSN(), m.PID(), dsn, pid)
	}
	if got := query(t, m, "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'kept'"); got != "kept" {
		t.Errorf("got %q", got)
	}
	pid = m.PID()
	m.Stop()
	gone(t, pid)
	m.Stop() // again is nothing
}

func declare(t *testing.T, r *servers.RabbitMQ, passive bool) error {
	t.Helper()
	conn, err := amqp.Dial(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if passive {
		_, err = ch.QueueDeclarePassive("kept", true, false, false, false, nil)
	} else {
		_, err = ch.QueueDeclare("kept", true, false, false, false, nil)
	}
	return err
}

func TestRabbitMQKeepsPortAndDataThroughAKillAndLosesThemInAWipe(t *testing.T) {
	t.Parallel()
	needs(t, "PARLEY_TEST_AMQP_URL")
	r, err := servers.StartRabbitMQ(t.Context(), t.TempDir(), servers.RabbitMQOptions{Config: "channel_max = 77"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	if err := declare(t, r, false); err != nil {
		t.Fatal(err)
	}
	// The node answers a declaration before its own log is on the disk.
	if err := r.Ctl(t.Context(), "eval", "mnesia:sync_log()."); err != nil {
		t.Fatal(err)
	}
	url, pids := r.URL(), r.PIDs()
	r.Kill()
	gone(t, pids[0])
	if err := r.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.URL() != url {
		t.Errorf("%s after %s", r.URL(), url)
	}
	if err := declare(t, r, true); err != nil {
		t.Errorf("after the kill: %v", err)
	}
	if err := r.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := declare(t, r, true); err == nil {
		t.Error("the queue survived the wipe")
	}
	pids = r.PIDs()
	r.Stop()
	for _, pid := range pids {
		gone(t, pid)
	}
	if owners := processesOf(t, "RABBITMQ_NODENAME=parley"+url[strings.LastIndex(url, ":")+1:len(url)-1]+"@"); len(owners) > 0 {
		t.Errorf("processes %v were left", owners)
	}
}

// processesOf finds processes by their environment.
func processesOf(t *testing.T, variable string) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && strings.Contains(string(environ), variable) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	needs(t, "PARLEY_TEST_MYSQL_DSN")
	_, err := servers.StartMariaDB(t.Context(), t.TempDir(), servers.MariaDBOptions{Args: []string{"--no-such-option"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-option") {
		t.Errorf("got %v", err)
	}
}

// get answers the body of a page, or why there is none.
func get(t *testing.T, method, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func TestElasticsearchKeepsPortAndDataThroughAKill(t *testing.T) {
	t.Parallel()
	needs(t, servers.ElasticsearchHomeVariable)
	e, err := servers.StartElasticsearch(t.Context(), t.TempDir(), servers.ElasticsearchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	if text, err := get(t, http.MethodGet, e.URL()); err != nil || !strings.Contains(text, "You Know, for Search") {
		t.Fatalf("%s %v", text, err)
	}
	if text, err := get(t, http.MethodPut, e.URL()+"/kept"); err != nil || !strings.Contains(text, `"acknowledged":true`) {
		t.Fatalf("%s %v", text, err)
	}
	e.Kill()
	if _, err := get(t, http.MethodGet, e.URL()); err == nil {
		t.Error("answers after it was killed")
	}
	if err := e.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t, http.MethodGet, e.URL()+"/kept"); err != nil || !strings.Contains(text, `"kept"`) {
		t.Errorf("%s %v", text, err)
	}
	e.Stop()
	e.Stop() // again is nothing
}
