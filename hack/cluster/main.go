// SPDX-License-Identifier: Apache-2.0

// Command cluster runs a real Kubernetes of one or three nodes on this machine, without Docker.
//
// The control plane runs on the host, each node in namespaces of its own on a bridge that leads nowhere
// else. What it starts goes on after it ends; `down` ends it and leaves nothing behind. It needs root on
// Debian, and hack/cluster/debian.sh.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/parley-chat/parley/hack/cluster/binaries"
)

const usage = `usage: cluster COMMAND

  up [-nodes 3]               start what is not running; 1 to 9 nodes
  status                      nodes, and whether their daemons run
  load ARCHIVE...             import image archives into every node
  node-down N, node-up N      cut node N off the network, and heal it
  node-kill N                 end node N as a power cut does; up starts it again
  forward ADDRESS NAMESPACE/SERVICE:PORT
                              make a Service answer on a local address, in the foreground
  kubeconfig                  print the path of the kubeconfig
  down                        end everything and remove it
`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(strings.TrimSpace(usage))
	}
	if args[0] == "node-init" && len(args) == 4 { // not for people
		return nodeInit(args[1], args[2], args[3])
	}
	root, err := binaries.Root()
	if err != nil {
		return err
	}
	p := newPlan(root, root+"/.cache/cluster/bin")
	switch {
	case args[0] == "up":
		flags := flag.NewFlagSet("up", flag.ContinueOnError)
		count := flags.Int("nodes", 3, "how many nodes")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *count < 1 || *count > maxNodes {
			return fmt.Errorf("-nodes must be 1 to %d", maxNodes)
		}
		return p.up(ctx, *count, out)
	case args[0] == "down":
		return p.down(ctx, out)
	case args[0] == "status":
		return p.status(ctx, out)
	case args[0] == "load" && len(args) > 1:
		return p.loadAll(ctx, args[1:], out)
	case args[0] == "forward" && len(args) == 3:
		return p.forward(ctx, args[1], args[2], out)
	case args[0] == "kubeconfig":
		_, err := fmt.Fprintln(out, p.kubeconfig())
		return err
	case strings.HasPrefix(args[0], "node-") && len(args) == 2:
		return p.nodeCommand(ctx, args[0], args[1])
	default:
		return errors.New(strings.TrimSpace(usage))
	}
}

func (p plan) nodeCommand(ctx context.Context, verb, number string) error {
	for _, n := range nodes(maxNodes) {
		if fmt.Sprint(n.number) != number && n.name() != number {
			continue
		}
		switch verb {
		case "node-down":
			return n.setLink(ctx, "down")
		case "node-up":
			return n.setLink(ctx, "up")
		case "node-kill":
			for _, id := range processes(n.name()) {
				_ = syscall.Kill(id, syscall.SIGKILL) // gone already is as good
			}
			return nil
		}
	}
	return fmt.Errorf("there is no node %s, or no command %s", number, verb)
}

// running lists the nodes that have processes.
func (p plan) running() []node {
	var list []node
	for _, n := range nodes(maxNodes) {
		if len(processes(n.name())) > 0 {
			list = append(list, n)
		}
	}
	return list
}

func controlPlane() []string {
	return []string{"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"}
}

func (p plan) status(ctx context.Context, out io.Writer) error {
	for _, name := range controlPlane() {
		state := "stopped"
		if len(processes(name)) > 0 {
			state = "running"
		}
		fmt.Fprintf(out, "%-26s%s\n", name, state)
	}
	for _, n := range p.running() {
		link, err := os.ReadFile("/sys/class/net/" + n.link() + "/operstate")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-26srunning, link %s", n.name(), link)
	}
	text, err := p.kubectl(ctx, "get", "nodes", "-o", "wide")
	if err != nil {
		return fmt.Errorf("the cluster is not running: cluster up starts it: %w", err)
	}
	_, err = io.WriteString(out, text)
	return err
}

// down ends everything, whatever state it is in.
func (p plan) down(ctx context.Context, out io.Writer) error {
	unlock, err := p.lock(ctx, out)
	if err != nil {
		return err
	}
	defer unlock()
	s := steps{out: out}
	var failed error
	for _, n := range p.running() {
		failed = errors.Join(failed, s.do(n.name(), func() error {
			for _, id := range processes(n.name()) {
				_ = syscall.Kill(id, syscall.SIGKILL) // the first of its namespace takes all others along
			}
			return stop(ctx, n.name())
		}))
	}
	for _, name := range controlPlane() {
		failed = errors.Join(failed, s.do(name, func() error { return stop(ctx, name) }))
	}
	for _, n := range nodes(maxNodes) {
		failed = errors.Join(failed, removeCgroup(ctx, n.name()))
	}
	failed = errors.Join(failed, removeCgroup(ctx, ""), s.do("network", func() error { return removeNetwork(ctx) }))
	return errors.Join(failed, s.do("files", func() error { return os.RemoveAll(p.state) }))
}
