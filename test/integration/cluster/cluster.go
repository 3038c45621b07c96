// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/parley-chat/parley/api/component"
)

// Options of a cluster.
type Options struct {
	// Binary is the path of the parley program.
	Binary string
	// Dir gets keys and logs; it exists.
	Dir string
	// Gateways is the count of gateway processes, seats 0, 1, 2 …; 0 means 1.
	Gateways int
	// MySQL is a DSN of a server with leave to create schemas: "mysql://root@127.0.0.1:3306/".
	MySQL string
	// AMQP is the URL of RabbitMQ.
	AMQP string
	// Environment goes to every component and wins over what the cluster sets.
	Environment map[string]string
	// Prefix is put before each command, for example {"taskset", "-c", "1"}.
	Prefix []string
}

// Cluster is a running Parley. Its methods are safe for concurrent use on different names; Kill and Start
// of one name are not.
type Cluster struct {
	options   Options
	processes map[string]*process
	order     []string // in which they start
	gateways  []string // public base URLs, by seat
}

// GatewayName is the name of the gateway process on a seat.
func GatewayName(seat int) string { return fmt.Sprintf("gateway-%d", seat) }

// Start makes keys and schemas, migrates, starts all components and waits until they are ready. On an
// error nothing runs.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o.Gateways = max(o.Gateways, 1)
	c := &Cluster{options: o, processes: map[string]*process{}}
	if err := c.makeKeys(ctx); err != nil {
		return nil, err
	}
	if err := c.plan(ctx); err != nil {
		return nil, err
	}
	if err := c.migrate(ctx); err != nil {
		return nil, err
	}
	for _, name := range c.order {
		if err := c.Start(ctx, name, nil); err != nil {
			c.Stop(ctx)
			return nil, err
		}
	}
	return c, nil
}

func (c *Cluster) makeKeys(ctx context.Context) error {
	if err := os.MkdirAll(c.keys(), 0o700); err != nil {
		return err
	}
	return c.run(ctx, nil, "keys", c.keys())
}

func (c *Cluster) keys() string { return filepath.Join(c.options.Dir, "keys") }

// plan gives each component its ports and environment.
func (c *Cluster) plan(ctx context.Context) error {
	names := []string{string(component.User), string(component.Friend), string(component.File), string(component.Message), string(component.Transmit)}
	for seat := range c.options.Gateways {
		names = append(names, GatewayName(seat))
	}
	ports, err := freePorts(ctx, 3*len(names))
	if err != nil {
		return err
	}
	listen := map[string][]string{} // name → public, rpc, ops
	for i, name := range names {
		listen[name] = ports[3*i : 3*i+3]
	}
	shared := c.sharedEnvironment(listen)
	for _, name := range names {
		c.add(name, listen[name], shared)
	}
	c.order = names
	return nil
}

func (c *Cluster) sharedEnvironment(listen map[string][]string) map[string]string {
	url := func(name component.Name) string { return "http://127.0.0.1:" + listen[string(name)][1] }
	var members []string
	for seat := range c.options.Gateways {
		name := GatewayName(seat)
		members = append(members, fmt.Sprintf("%d=%s@http://127.0.0.1:%s", seat, name, listen[name][1]))
	}
	return map[string]string{
		component.EnvLogLevel:           "info",
		component.EnvKeysDir:            c.keys(),
		component.EnvAMQPURL:            c.options.AMQP,
		component.EnvUpstreamUserURL:    url(component.User),
		component.EnvUpstreamFriendURL:  url(component.Friend),
		component.EnvUpstreamFileURL:    url(component.File),
		component.EnvUpstreamMessageURL: url(component.Message),
		component.EnvFileDir:            filepath.Join(c.options.Dir, "files"),
		component.EnvRingMembers:        strings.Join(members, ","),
		// A test that stops a gateway does not wait for a paced drain, unless it is about drains.
		component.EnvGatewayDrainTimeout: "2s",
	}
}

// add plans one process: what all share, what is its own, what the caller overrides.
func (c *Cluster) add(name string, ports []string, shared map[string]string) {
	env := maps.Clone(shared)
	env[component.EnvPodName], env[component.EnvPodUID] = name, name
	env[component.EnvRPCListen] = "127.0.0.1:" + ports[1]
	env[component.EnvOpsListen] = "127.0.0.1:" + ports[2]
	command := name
	if seat, ok := strings.CutPrefix(name, string(component.Gateway)+"-"); ok {
		command = string(component.Gateway)
		env[component.EnvPublicListen] = "127.0.0.1:" + ports[0]
		env[component.EnvGatewaySeat] = seat
		c.gateways = append(c.gateways, "http://127.0.0.1:"+ports[0])
	}
	if hasSchema(component.Name(name)) {
		env[component.EnvMySQLDSN] = c.dsn(component.Name(name))
	}
	maps.Copy(env, c.options.Environment)
	c.processes[name] = &process{
		name: name, argv: slices.Concat(c.options.Prefix, []string{c.options.Binary, command}), env: environ(env),
		log: filepath.Join(c.options.Dir, name+".log"), probe: "http://127.0.0.1:" + ports[2] + component.ReadyPath,
	}
}

// environ adds what any program needs to the settings.
func environ(settings map[string]string) []string {
	list := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, key+"="+settings[key])
	}
	return list
}

// run executes the program with a sub-command to its end.
func (c *Cluster) run(ctx context.Context, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, c.options.Binary, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("parley %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (c *Cluster) process(name string) (*process, error) {
	p, ok := c.processes[name]
	if !ok {
		return nil, fmt.Errorf("no component %q; there are %v", name, c.order)
	}
	return p, nil
}

// Start runs a component that does not run, with extra environment for this time, and waits until it is
// ready.
func (c *Cluster) Start(ctx context.Context, name string, extra map[string]string) error {
	p, err := c.process(name)
	if err != nil {
		return err
	}
	if err := p.start(ctx, extra); err != nil {
		return err
	}
	if err := p.ready(ctx); err != nil {
		p.kill()
		return err
	}
	return nil
}

// Kill is SIGKILL; it returns when the process is gone. One that does not run is no error.
func (c *Cluster) Kill(name string) error {
	p, err := c.process(name)
	if err != nil {
		return err
	}
	p.kill()
	return nil
}

// Terminate stops a component as a pod is stopped: TERM, and KILL after 15 s.
func (c *Cluster) Terminate(ctx context.Context, name string) error {
	p, err := c.process(name)
	if err != nil {
		return err
	}
	p.stop(ctx)
	return nil
}

// Signal sends a signal, for example SIGSTOP.
func (c *Cluster) Signal(name string, s syscall.Signal) error {
	p, err := c.process(name)
	if err != nil {
		return err
	}
	p.signal(s)
	return nil
}

// Wait returns the exit status of a component that ends by itself.
func (c *Cluster) Wait(ctx context.Context, name string) (int, error) {
	p, err := c.process(name)
	if err != nil {
		return 0, err
	}
	return p.wait(ctx)
}

// Stop ends everything, the gateways first.
func (c *Cluster) Stop(ctx context.Context) {
	for _, name := range slices.Backward(c.order) {
		c.processes[name].stop(ctx)
	}
}

// Names of all components, in the order in which they start.
func (c *Cluster) Names() []string { return slices.Clone(c.order) }

// GatewayURL is the public base URL of the gateway on a seat.
func (c *Cluster) GatewayURL(seat int) string { return c.gateways[seat] }

// OpsURL is the base URL of a component's ops port, "" for an unknown name.
func (c *Cluster) OpsURL(name string) string {
	if p, ok := c.processes[name]; ok {
		return strings.TrimSuffix(p.probe, component.ReadyPath)
	}
	return ""
}

// PID of a component's process, 0 if it was never started.
func (c *Cluster) PID(name string) int {
	p, ok := c.processes[name]
	if !ok {
		return 0
	}
	if cmd, _ := p.current(); cmd != nil {
		return cmd.Process.Pid
	}
	return 0
}

// Logs writes the end of each log, for a failed test.
func (c *Cluster) Logs(w io.Writer, bytesEach int) error {
	var problems []error
	for _, name := range c.order {
		_, err := fmt.Fprintf(w, "--- %s (%s)\n%s\n", name, strconv.Itoa(c.PID(name)), tail(c.processes[name].log, bytesEach))
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
