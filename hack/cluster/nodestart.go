// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

//go:embed templates/kubelet.yaml
var kubeletTemplate string

//go:embed templates/containerd.toml
var containerdTemplate string

//go:embed templates/kube-proxy.yaml
var proxyTemplate string

//go:embed templates/cni.json
var cniTemplate string

// startNode starts one node: a process tree in network, mount, PID, UTS and IPC namespaces of its own. The
// end of its first process is the end of everything in it.
func (p plan) startNode(ctx context.Context, n node, count int) error {
	if len(processes(n.name())) > 0 {
		return p.resizeNode(n, count)
	}
	if err := removeCgroup(ctx, n.name()); err != nil { // empty cgroups of a node that crashed cost seconds
		return err
	}
	if err := n.connect(ctx); err != nil {
		return err
	}
	if err := n.clean(ctx); err != nil {
		return err
	}
	if err := p.writeNodeFiles(n, count); err != nil {
		return err
	}
	return p.daemon(ctx, n.name(), "nsenter", "--net=/run/netns/"+n.netns(),
		"unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
		p.path("cluster"), "node-init", n.name(), p.path(n.name()), p.bin)
}

// resizeNode gives a running node its share of the memory again after the number of nodes has changed. Only
// the kubelet starts again, by its supervisor; its pods run on.
func (p plan) resizeNode(n node, count int) error {
	memory, err := machineMemory()
	if err != nil {
		return err
	}
	const file = "kubelet.yaml"
	want := p.nodeFiles(n, reservedFor(max(count, len(p.running())), memory))[file]
	path := p.path(n.name(), file)
	now, err := os.ReadFile(path) //nolint:gosec // a path of ours
	if err != nil || string(now) == want {
		return err
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		return err
	}
	for _, id := range processes(n.name()) {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id))
		if err == nil && strings.HasPrefix(string(command), p.program("kubelet")+"\x00") {
			return syscall.Kill(id, syscall.SIGTERM)
		}
	}
	return nil // it is between two starts, and reads the new settings with the next
}

// clean removes what a crash left in the node's network namespace.
func (n node) clean(ctx context.Context) error {
	_, err := run(ctx, "nsenter", "--net=/run/netns/"+n.netns(), "nft", "flush", "ruleset")
	if err == nil {
		_, _ = run(ctx, "ip", "-n", n.netns(), "link", "del", "cni0") // it is there after a crash only
	}
	return err
}

func (p plan) writeNodeFiles(n node, count int) error {
	dir := p.path(n.name())
	var failed error
	for _, sub := range []string{"lib", "log", "cni", "sysctl"} {
		failed = errors.Join(failed, os.MkdirAll(dir+"/"+sub, 0o755)) //nolint:gosec // as on a real node
	}
	for from, to := range map[string]string{"ca.crt": "ca.crt", "kubelet-" + n.name() + ".crt": "kubelet.crt", "kubelet-" + n.name() + ".key": "kubelet.key"} {
		content, err := os.ReadFile(p.path("pki", from))
		failed = errors.Join(failed, err, os.WriteFile(dir+"/"+to, content, 0o600)) //nolint:gosec // a table of ours
	}
	memory, err := machineMemory()
	failed = errors.Join(failed, err)
	for name, text := range p.nodeFiles(n, reservedFor(count, memory)) {
		failed = errors.Join(failed, os.WriteFile(dir+"/"+name, []byte(text), 0o600))
	}
	return errors.Join(failed, p.writeKubeconfig(dir+"/kubelet.kubeconfig", "kubelet-"+n.name()))
}

// nodeFiles are the settings of a node's daemons by their path in its folder.
func (p plan) nodeFiles(n node, reserved string) map[string]string {
	dir := p.path(n.name())
	values := strings.NewReplacer("${DIR}", dir, "${PODS}", n.pods(),
		"${POD_NETWORK}", podNetwork, "${DNS}", dnsAddress, "${CGROUP}", "/"+cgroupParent+"/"+n.name(),
		"${PROXY_KUBECONFIG}", p.path("proxy.kubeconfig"), "${RESERVED}", reserved)
	files := map[string]string{"resolv.conf": ""} // empty: no node asks a resolver of the machine
	for name, template := range map[string]string{
		"kubelet.yaml": kubeletTemplate, "containerd.toml": containerdTemplate, "kube-proxy.yaml": proxyTemplate, "cni/10-bridge.conf": cniTemplate,
	} {
		files[name] = values.Replace(template)
	}
	return files
}

// reservedFor keeps several nodes from claiming the whole machine each: it is what the kubelet of one node
// leaves to the others and to the host, of the machine's memory in MiB.
func reservedFor(count int, machine int64) string {
	host := machine / 12 // for the control plane and what people run beside it
	return fmt.Sprintf("%dMi", machine-(machine-host)/int64(count))
}

// machineMemory is the memory of the machine in MiB.
func machineMemory() (int64, error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0, fmt.Errorf("ask for the machine's memory: %w", err)
	}
	return int64(info.Totalram) * int64(info.Unit) >> 20, nil //nolint:gosec // far below the limit
}
