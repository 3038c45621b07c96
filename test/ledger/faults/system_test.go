// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/integration/cluster"
	"github.com/parley-chat/parley/test/integration/servers"
	"github.com/parley-chat/parley/test/ledger"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// The environment that `make ledger` sets; without it the short forms run.
const (
	sendsVariable = "PARLEY_LEDGER_SENDS"
	killsVariable = "PARLEY_LEDGER_KILLS"
	seedVariable  = "PARLEY_LEDGER_SEED"
	// keepVariable names a folder that keeps journals, verdicts and logs.
	keepVariable = "PARLEY_LEDGER_DIR"
)

// startTimeout bounds the start of servers and components, the build of the program included.
const startTimeout = 5 * time.Minute

// number reads a count from the environment.
func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no count", variable, text)
	}
	return n
}

// seed is the one of the environment, or a new one; it is printed so that a run can be repeated.
func seed(t *testing.T) int64 {
	t.Helper()
	n := number(t, seedVariable, time.Now().UnixNano()%1_000_000)
	t.Logf("seed %d; repeat with %s=%d", n, seedVariable, n)
	return n
}

// folder keeps what a run writes: a temporary one, or a part of the one that the environment names.
func folder(t *testing.T, name string) string {
	t.Helper()
	keep := os.Getenv(keepVariable)
	if keep == "" {
		return t.TempDir()
	}
	dir := filepath.Join(keep, t.Name(), name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runKey() ledger.Key {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

// requireServers skips a test that breaks servers of its own, unless the run asks for such tests.
func requireServers(t *testing.T) {
	t.Helper()
	required := os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1"
	wanted := required || os.Getenv(sendsVariable) != "" || os.Getenv("PARLEY_TEST_MYSQL_DSN") != ""
	_, err := exec.LookPath("mariadbd")
	if err == nil {
		_, err = exec.LookPath("rabbitmqctl")
	}
	switch {
	case wanted && err == nil:
	case wanted:
		t.Fatalf("needs MariaDB and RabbitMQ: %v; run hack/debian.sh", err)
	default:
		t.Skip("starts MariaDB and RabbitMQ of its own: run make test-go or make ledger")
	}
}

// system is a cluster with servers that the test may break.
type system struct {
	*cluster.Cluster
	mariadb  *servers.MariaDB
	rabbitmq *servers.RabbitMQ
}

func startSystem(t *testing.T, gateways int, tags ...string) *system {
	t.Helper()
	return startSystemWith(t, gateways, nil, tags...)
}

// startSystemWith gives settings to all components.
func startSystemWith(t *testing.T, gateways int, settings map[string]string, tags ...string) *system {
	t.Helper()
	requireServers(t)
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	binary, err := cluster.Binary(ctx, t.TempDir(), tags...)
	if err != nil {
		t.Fatal(err)
	}
	s := &system{}
	if s.mariadb, err = servers.StartMariaDB(ctx, t.TempDir(), servers.MariaDBOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.mariadb.Stop)
	if s.rabbitmq, err = servers.StartRabbitMQ(ctx, t.TempDir(), servers.RabbitMQOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.rabbitmq.Stop)
	s.Cluster, err = cluster.Start(ctx, cluster.Options{
		Binary: binary, Dir: folder(t, "logs"), Gateways: gateways, MySQL: s.mariadb.DSN(), AMQP: s.rabbitmq.URL(),
		Environment: settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = s.Logs(t.Output(), 4096) // the test has failed already
		}
		s.Stop(context.WithoutCancel(t.Context()))
	})
	return s
}

func (s *system) gateways(n int) []string {
	urls := make([]string, 0, n)
	for seat := range n {
		urls = append(urls, s.GatewayURL(seat))
	}
	return urls
}

// killMariaDB is SIGKILL and a start on the same data.
func (s *system) killMariaDB() scenario.Fault {
	return scenario.Fault{Name: "kill mariadb", Inject: func(ctx context.Context) error {
		s.mariadb.Kill()
		return s.mariadb.Restart(ctx)
	}}
}

func (s *system) restartRabbitMQ() scenario.Fault {
	return scenario.Fault{Name: "restart rabbitmq", Inject: s.rabbitmq.Restart}
}

// killRabbitMQ is SIGKILL and a start on the same data.
func (s *system) killRabbitMQ() scenario.Fault {
	return scenario.Fault{Name: "kill rabbitmq", Inject: func(ctx context.Context) error {
		s.rabbitmq.Kill()
		return s.rabbitmq.Restart(ctx)
	}}
}

// wipeRabbitMQ loses every queue and every message in it.
func (s *system) wipeRabbitMQ() scenario.Fault {
	return scenario.Fault{Name: "wipe rabbitmq", Inject: s.rabbitmq.Wipe}
}

// pass fails the test unless the verdict is green, and says what was seen.
func pass(t *testing.T, v ledger.Verdict, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verdict %s: %s", v.Class, v.Why)
	t.Logf("latency in ms: acknowledgement p50 %.1f p99 %.1f; delivery p50 %.1f p99 %.1f max %.1f",
		v.Latency.AckP50, v.Latency.AckP99, v.Latency.DeliveryP50, v.Latency.DeliveryP99, v.Latency.DeliveryMax)
	for _, breach := range v.Examples {
		t.Error(breach)
	}
	if v.Class != ledger.Pass {
		t.Errorf("class %s, want %s", v.Class, ledger.Pass)
	}
}
