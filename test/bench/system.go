// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/test/integration/cluster"
	"github.com/parley-chat/parley/test/integration/servers"
)

// system is everything that runs: servers, components and the load process.
type system struct {
	mariadb *servers.MariaDB
	rabbit  *servers.RabbitMQ
	parley  *cluster.Cluster
	probe   *probe
	load    *exec.Cmd
	wire    *wire
	pinned  bool
}

// start starts everything in a folder. On an error what runs is stopped.
func start(ctx context.Context, s settings, dir string) (*system, error) {
	sys := &system{}
	if err := sys.start(ctx, s, dir); err != nil {
		return nil, errors.Join(err, sys.stop(ctx))
	}
	return sys, nil
}

func (sys *system) start(ctx context.Context, s settings, dir string) error {
	sub := func(name string) (string, error) {
		path := filepath.Join(dir, name)
		return path, os.MkdirAll(path, 0o700)
	}
	binary, err := program(ctx, s, dir)
	if err != nil {
		return err
	}
	folder, err := sub("mariadb")
	if err != nil {
		return err
	}
	if sys.mariadb, err = servers.StartMariaDB(ctx, folder, servers.MariaDBOptions{}); err != nil {
		return err
	}
	if folder, err = sub("rabbitmq"); err != nil {
		return err
	}
	if sys.rabbit, err = servers.StartRabbitMQ(ctx, folder, servers.RabbitMQOptions{}); err != nil {
		return err
	}
	if folder, err = sub("components"); err != nil {
		return err
	}
	sys.parley, err = cluster.Start(ctx, cluster.Options{
		Binary: binary, Dir: folder, Gateways: s.gateways, MySQL: sys.mariadb.DSN(), AMQP: sys.rabbit.URL(), Environment: environment(),
	})
	if err != nil {
		return err
	}
	if sys.probe, err = newProbe(sys.mariadb.DSN(), sys.rabbit, dir); err != nil {
		return err
	}
	return sys.startLoad(ctx, s)
}

func program(ctx context.Context, s settings, dir string) (string, error) {
	if s.binary != "" {
		return filepath.Abs(s.binary)
	}
	return cluster.Binary(ctx, dir)
}

// environment raises the limits that protect people from one another: the load is few users who send a lot.
func environment() map[string]string {
	return map[string]string{
		component.EnvLogLevel:                   "warn",
		component.EnvGatewaySendsPerSecond:      "1000",
		component.EnvGatewaySendsBurst:          "1000",
		component.EnvGatewayFramesPerSecond:     "1000",
		component.EnvGatewayFramesBurst:         "1000",
		component.EnvGatewayHandshakesPerSecond: "5000",
	}
}

// startLoad starts this program again as the load process and, if asked, gives it the first core.
func (sys *system) startLoad(ctx context.Context, s settings) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{self, generatorCommand}
	sys.pinned = s.pin && canPin()
	if sys.pinned {
		args = append([]string{"taskset", "-c", "0"}, args...)
	}
	sys.load = exec.CommandContext(ctx, args[0], args[1:]...)
	sys.load.Env = append(os.Environ(), "GOMAXPROCS=1")
	sys.load.Stderr = os.Stderr
	sys.load.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its CPU time is counted by group
	in, err := sys.load.StdinPipe()
	if err != nil {
		return err
	}
	out, err := sys.load.StdoutPipe()
	if err != nil {
		return err
	}
	sys.wire = newWire(out, in)
	return sys.load.Start()
}

func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

// pinServers moves every thread of every server off the first core. It runs after the people are
// registered: until then all cores hash passwords.
func (sys *system) pinServers(ctx context.Context) error {
	if !sys.pinned {
		return nil
	}
	cores := fmt.Sprintf("1-%d", runtime.NumCPU()-1)
	groups := sys.groups()
	processes, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		group, _, err := parseStat(string(text))
		if err != nil {
			return err
		}
		if _, ours := groups[group]; !ours {
			continue
		}
		pid := filepath.Base(filepath.Dir(path))
		if out, err := exec.CommandContext(ctx, "taskset", "-a", "-p", "-c", cores, pid).CombinedOutput(); err != nil {
			return fmt.Errorf("move process %s: %w: %s", pid, err, out)
		}
	}
	return nil
}

// groups names the process group of each server.
func (sys *system) groups() map[int]string {
	groups := map[int]string{sys.mariadb.PID(): "mariadb"}
	for _, pid := range sys.rabbit.PIDs() {
		groups[pid] = "rabbitmq"
	}
	for _, name := range sys.parley.Names() {
		groups[sys.parley.PID(name)] = name
	}
	return groups
}

// stop ends everything that runs, the load first.
func (sys *system) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var problems []error
	if sys.load != nil && sys.load.Process != nil {
		problems = append(problems, sys.wire.send(command{Do: "quit"}))
		if err := sys.load.Wait(); err != nil {
			problems = append(problems, fmt.Errorf("load process: %w", err))
		}
	}
	if sys.probe != nil {
		problems = append(problems, sys.probe.close())
	}
	if sys.parley != nil {
		sys.parley.Stop(ctx)
	}
	if sys.rabbit != nil {
		sys.rabbit.Stop()
	}
	if sys.mariadb != nil {
		sys.mariadb.Stop()
	}
	return errors.Join(problems...)
}

// logs shows the end of each log, after a failure.
func (sys *system) logs(w io.Writer) error {
	if sys == nil || sys.parley == nil {
		return nil
	}
	return sys.parley.Logs(w, 1500)
}
