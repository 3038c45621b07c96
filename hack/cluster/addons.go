// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

//go:embed templates/access.yaml
var accessManifest string

//go:embed templates/coredns.yaml
var dnsManifest string

//go:embed templates/metrics-server.yaml
var metricsManifest string

//go:embed templates/networkpolicies.yaml
var policyManifest string

// inside runs a command in a node's namespaces.
func (p plan) inside(ctx context.Context, n node, args ...string) error {
	first, err := p.firstProcess(n)
	if err != nil {
		return err
	}
	_, err = run(ctx, "nsenter", append([]string{"--target", first, "--mount", "--net", "--pid", "--uts", "--ipc"}, args...)...)
	return err
}

// firstProcess finds the node's process 1 as the host numbers it.
func (p plan) firstProcess(n node) (string, error) {
	for _, id := range processes(n.name()) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "NSpid:" && fields[2] == "1" {
				return fields[1], nil
			}
		}
	}
	return "", fmt.Errorf("%s does not run: see %s", n.name(), p.log(n.name()))
}

// readyNodes waits for all nodes, and gives them their ranges of pods.
func (p plan) readyNodes(ctx context.Context, list []node, since time.Time) error {
	for _, n := range list {
		if err := until(ctx, 2*time.Minute, func(ctx context.Context) error { return p.ready(ctx, n, since) }); err != nil {
			return fmt.Errorf("%w: see %s", err, p.path(n.name(), "kubelet.log"))
		}
	}
	for _, n := range list {
		patch := fmt.Sprintf(`{"spec":{"podCIDR":%q,"podCIDRs":[%q]}}`, n.pods(), n.pods())
		if _, err := p.kubectl(ctx, "patch", "node", n.name(), "-p", patch); err != nil && !strings.Contains(err.Error(), "may not be changed") {
			return err
		}
		zone := fmt.Sprintf("topology.kubernetes.io/zone=zone-%d", n.number)
		if _, err := p.kubectl(ctx, "label", "--overwrite", "node", n.name(), zone); err != nil {
			return err
		}
	}
	return nil
}

// ready asks for a lease of its kubelet that is newer than since, too: a node that has just died says Ready.
func (p plan) ready(ctx context.Context, n node, since time.Time) error {
	text, err := p.kubectl(ctx, "get", "node", n.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
	if err != nil {
		return err
	}
	if text != "True" {
		return fmt.Errorf("%s is not ready", n.name())
	}
	text, err = p.kubectl(ctx, "-n", "kube-node-lease", "get", "lease", n.name(), "-o", "jsonpath={.spec.renewTime}")
	if err != nil {
		return err
	}
	renewed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return err
	}
	if renewed.Before(since) {
		return fmt.Errorf("the kubelet of %s has not reported since %s", n.name(), text)
	}
	return nil
}

// startAddons applies what runs in the cluster. It comes after all nodes are ready, so that replicas spread.
func (p plan) startAddons(ctx context.Context) error {
	values := strings.NewReplacer("${DNS}", dnsAddress, "${HOST}", hostAddress)
	for _, addon := range []struct{ name, manifest string }{
		{"coredns", dnsManifest}, {"networkpolicies", policyManifest}, {"metrics-server", metricsManifest},
	} {
		if err := p.apply(ctx, addon.name, values.Replace(addon.manifest)); err != nil {
			return fmt.Errorf("%s: %w", addon.name, err)
		}
	}
	return nil
}

// spreadDNS moves the replicas of CoreDNS when nodes came after them: both on one node are lost with it.
func (p plan) spreadDNS(ctx context.Context, count int) error {
	if err := p.rolledOut(ctx, "deployment/coredns"); err != nil || count == 1 {
		return err
	}
	text, err := p.kubectl(ctx, "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", `jsonpath={.items[*].spec.nodeName}`)
	if err != nil || !onOneNode(strings.Fields(text)) {
		return err
	}
	if _, err := p.kubectl(ctx, "-n", "kube-system", "rollout", "restart", "deployment/coredns"); err != nil {
		return err
	}
	return p.rolledOut(ctx, "deployment/coredns")
}

func onOneNode(names []string) bool { return len(names) > 1 && len(slices.Compact(names)) == 1 }

// rolledOut waits until an add-on is there.
func (p plan) rolledOut(ctx context.Context, what string) error {
	_, err := run(ctx, p.program("kubectl"), "--kubeconfig="+p.kubeconfig(), "-n", "kube-system", "rollout", "status", what, "--timeout=120s")
	if err != nil {
		return fmt.Errorf("%w: see kubectl -n kube-system describe %s", err, what)
	}
	return nil
}
