// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
)

// pretend makes a process of a shell command, with an ops port that is ready when told so.
func pretend(t *testing.T, script string) (*process, *atomic.Bool) {
	t.Helper()
	var ready atomic.Bool
	ops := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(ops.Close)
	p := &process{
		name: "pretend", argv: []string{"/bin/sh", "-c", script}, env: []string{"PATH=" + os.Getenv("PATH")},
		log: filepath.Join(t.TempDir(), "log"), probe: ops.URL + "/readyz",
	}
	t.Cleanup(p.kill)
	return p, &ready
}

func TestAProcessIsReadyKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	p, ready := pretend(t, "echo $WHO; exec sleep 60")
	for _, who := range []string{"first", "second"} {
		ready.Store(true)
		if err := p.start(t.Context(), map[string]string{"WHO": who}); err != nil {
			t.Fatal(err)
		}
		if err := p.start(t.Context(), nil); err == nil {
			t.Error("it was started twice at once")
		}
		if err := p.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		awaitLog(t, p, who)
		p.kill()
		if _, err := p.wait(t.Context()); err != nil {
			t.Errorf("it still runs after kill: %v", err)
		}
	}
}

func TestAProcessThatEndsWhileStartingShowsItsLog(t *testing.T) {
	t.Parallel()
	p, _ := pretend(t, "echo no keys; exit 3")
	if err := p.start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := p.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no keys") {
		t.Errorf("got %v, want the log in it", err)
	}
	if status, err := p.wait(t.Context()); err != nil || status != 3 {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestStopAsksBeforeItKills(t *testing.T) {
	t.Parallel()
	p, ready := pretend(t, `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
	ready.Store(true)
	if err := p.start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	awaitLog(t, p, "up")
	p.stop(t.Context())
	if got := tail(p.log, 100); !strings.Contains(got, "bye") {
		t.Errorf("the log holds %q: it was killed without being asked", got)
	}
}

// awaitLog waits until the process has written something.
func awaitLog(t *testing.T, p *process, want string) {
	t.Helper()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !strings.Contains(tail(p.log, 100), want) {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatalf("the log never held %q", want)
		}
	}
}

func TestPortsAreDifferent(t *testing.T) {
	t.Parallel()
	ports, err := freePorts(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %s was given twice", port)
		}
		seen[port] = true
	}
}

func TestEveryComponentGetsItsOwnPlaces(t *testing.T) {
	t.Parallel()
	c := &Cluster{processes: map[string]*process{}, options: Options{
		Binary: "/bin/parley", Dir: t.TempDir(), Gateways: 2, MySQL: "mysql://root@127.0.0.1:3306/", AMQP: "amqp://x/",
		Environment: map[string]string{"PARLEY_LOG_LEVEL": "warn"}, Prefix: []string{"nice"},
	}}
	if err := c.plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.Names(), " "), "user friend file message transmit gateway-0 gateway-1"; got != want {
		t.Errorf("components %q, want %q", got, want)
	}
	for name, p := range c.processes {
		env := strings.Join(p.env, "\n")
		if !strings.Contains(env, "PARLEY_POD_NAME="+name) || !strings.Contains(env, "PARLEY_LOG_LEVEL=warn") {
			t.Errorf("environment of %s:\n%s", name, env)
		}
		if has := strings.Contains(env, "PARLEY_MYSQL_DSN=mysql://root@127.0.0.1:3306/parley_"+name); has != slices.Contains(component.Owners(), component.Name(name)) {
			t.Errorf("%s has a schema: %v", name, has)
		}
		if seat := strings.Contains(env, "PARLEY_GATEWAY_SEAT="); seat != strings.HasPrefix(name, "gateway") {
			t.Errorf("%s has a seat: %v", name, seat)
		}
		if command := strings.Join(p.argv, " "); command != "nice /bin/parley "+strings.Split(name, "-")[0] {
			t.Errorf("%s runs %q", name, command)
		}
	}
	if _, err := c.process("speech"); err == nil {
		t.Error("an unknown component was found")
	}
}
