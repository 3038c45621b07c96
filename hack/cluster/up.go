// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/parley-chat/parley/hack/cluster/binaries"
)

// steps prints how long each takes.
type steps struct{ out io.Writer }

func (s steps) do(name string, step func() error) error {
	began := time.Now()
	fmt.Fprintf(s.out, "%-28s", name)
	err := step()
	result := "ok"
	if err != nil {
		result = "failed"
	}
	fmt.Fprintf(s.out, "%6.1f s  %s\n", time.Since(began).Seconds(), result)
	return err
}

// lock keeps two runs from starting or ending the cluster at once: the second waits. The kernel frees it
// with the process.
func (p plan) lock(ctx context.Context, out io.Writer) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(p.state), "lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // nothing here is secret
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a path of ours
	if err != nil {
		return nil, err
	}
	take := func(context.Context) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	if take(ctx) != nil {
		err := steps{out: out}.do("wait for another run", func() error { return until(ctx, 5*time.Minute, take) })
		if err != nil {
			return nil, errors.Join(fmt.Errorf("another run of cluster holds %s: %w", path, err), file.Close())
		}
	}
	return func() { _ = file.Close() }, nil // nothing was written
}

func (p plan) up(ctx context.Context, count int, out io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("namespaces and cgroups need root: run this as root")
	}
	unlock, err := p.lock(ctx, out)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := binaries.Ensure(ctx, out); err != nil {
		return err
	}
	if err := os.MkdirAll(p.state, 0o755); err != nil { //nolint:gosec // nothing here is secret but pki
		return err
	}
	began, list, s := time.Now(), nodes(count), steps{out: out}
	rollout := func(what string) func() error { return func() error { return p.rolledOut(ctx, what) } }
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"keys and network", func() error { return p.prepare(ctx, count) }},
		{"control plane", func() error { return p.startControlPlane(ctx) }},
		{"start of nodes", func() error { return p.startNodes(ctx, list) }},
		{"images of add-ons", func() error { return p.whenContainerd(ctx, list) }},
		{"nodes are ready", func() error { return p.readyNodes(ctx, list, began) }},
		{"add-ons", func() error { return p.startAddons(ctx) }},
		{"CoreDNS", func() error { return p.spreadDNS(ctx, count) }},
		{"NetworkPolicy agents", rollout("daemonset/kube-network-policies")},
		{"metrics-server", rollout("deployment/metrics-server")},
	} {
		if err := s.do(step.name, step.do); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%-28s%6.1f s\n", "in all", time.Since(began).Seconds())
	_, err = fmt.Fprintf(out, "\nexport KUBECONFIG=%s\nexport PATH=%s:$PATH\n", p.kubeconfig(), p.bin)
	return err
}

// startNodes starts nodes and lets their kubelets and kube-proxies in.
func (p plan) startNodes(ctx context.Context, list []node) error {
	for _, n := range list {
		if err := p.startNode(ctx, n, len(list)); err != nil {
			return fmt.Errorf("%s: %w", n.name(), err)
		}
	}
	return p.apply(ctx, "access", accessManifest)
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
		if err := n.connect(ctx); err != nil {
			return err
		}
	}
	return nil
}

// whenContainerd loads the images as soon as every node's containerd answers.
func (p plan) whenContainerd(ctx context.Context, list []node) error {
	for _, n := range list {
		err := until(ctx, 30*time.Second, func(ctx context.Context) error {
			return p.inside(ctx, n, "ctr", "version")
		})
		if err != nil {
			return fmt.Errorf("containerd of %s does not answer, see %s: %w", n.name(), p.path(n.name(), "containerd.log"), err)
		}
	}
	return p.addonImages(ctx, list)
}
