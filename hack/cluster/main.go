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
	"time"

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
		return p.load(ctx, p.running(), args[1:])
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

// steps prints how long each takes.
type steps struct {
	out   io.Writer
	began time.Time
}

func (s steps) do(name string, step func() error) error {
	fmt.Fprintf(s.out, "%-36s", name)
	err := step()
	result := "ok"
	if err != nil {
		result = "failed"
	}
	fmt.Fprintf(s.out, "%6.1f s  %s\n", time.Since(s.began).Seconds(), result)
	return err
}

func (p plan) up(ctx context.Context, count int, out io.Writer) error {
	if _, err := binaries.Ensure(ctx, out); err != nil {
		return err
	}
	if err := os.MkdirAll(p.state, 0o755); err != nil { //nolint:gosec // nothing here is secret but pki
		return err
	}
	list := nodes(count)
	s := steps{out: out, began: time.Now()}
	return errors.Join(firstError(
		func() error { return s.do("keys and network", func() error { return p.prepare(ctx, count) }) },
		func() error { return s.do("control plane", func() error { return p.startControlPlane(ctx) }) },
		func() error {
			return s.do(fmt.Sprintf("%d nodes start", count), func() error {
				for _, n := range list {
					if err := p.startNode(ctx, n, count); err != nil {
						return err
					}
				}
				return nil
			})
		},
		func() error {
			return s.do("access of nodes", func() error { return p.apply(ctx, "access", accessManifest) })
		},
		func() error { return s.do("images of add-ons", func() error { return p.whenContainerd(ctx, list) }) },
		func() error { return s.do("nodes are ready", func() error { return p.readyNodes(ctx, list) }) },
		func() error { return s.do("add-ons", func() error { return p.startAddons(ctx) }) },
		func() error { return s.do("CoreDNS", func() error { return p.rolledOut(ctx, "deployment/coredns") }) },
		func() error {
			return s.do("NetworkPolicy agents", func() error { return p.rolledOut(ctx, "daemonset/kube-network-policies") })
		},
		func() error {
			return s.do("metrics-server", func() error { return p.rolledOut(ctx, "deployment/metrics-server") })
		},
		func() error {
			_, err := fmt.Fprintf(out, "\nexport KUBECONFIG=%s\nexport PATH=%s:$PATH\n", p.kubeconfig(), p.bin)
			return err
		},
	))
}

func firstError(list ...func() error) error {
	for _, do := range list {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes keys once for all nodes that there may be, so that a node can join later.
func (p plan) prepare(ctx context.Context, count int) error {
	if _, err := os.Stat(p.kubeconfig()); err != nil {
		if err := errors.Join(p.writeCertificates(maxNodes), p.writeKubeconfigs()); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// `go run` deletes its program at the end; nodes need one that stays.
	if len(processes("node-1")) == 0 {
		if _, err := run(ctx, "cp", "--remove-destination", self, p.path("cluster")); err != nil {
			return err
		}
	}
	if err := p.startNetwork(ctx); err != nil {
		return err
	}
	for _, n := range nodes(count) {
		if err := n.connect(ctx, count); err != nil {
			return err
		}
	}
	return nil
}

// whenContainerd loads the images as soon as every node's containerd answers.
func (p plan) whenContainerd(ctx context.Context, list []node) error {
	for _, n := range list {
		err := until(ctx, 30*time.Second, func(ctx context.Context) error {
			_, err := p.inside(ctx, n, "ctr", "version")
			return err
		})
		if err != nil {
			return fmt.Errorf("containerd of %s does not answer, see %s: %w", n.name(), p.path(n.name(), "containerd.log"), err)
		}
	}
	return p.addonImages(ctx, list)
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
	text, err := p.kubectl(ctx, "get", "nodes", "-o", "wide")
	if err != nil {
		return errors.New("the cluster is not running: cluster up starts it")
	}
	_, err = io.WriteString(out, text)
	return err
}

// down ends everything, whatever state it is in.
func (p plan) down(ctx context.Context, out io.Writer) error {
	s := steps{out: out, began: time.Now()}
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
