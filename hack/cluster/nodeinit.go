// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// nodeInit is the first process of a node, inside its namespaces: it mounts the node's own folders, starts
// the daemons, starts again what ends, and reaps children.
func nodeInit(name, dir, bin string) error {
	if err := mountNode(dir); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		return err
	}
	if err := policyChain(); err != nil {
		return fmt.Errorf("packet rules: %w", err)
	}
	daemons := map[string][]string{
		"containerd": {"containerd", "--config", dir + "/containerd.toml"},
		"kubelet": {
			filepath.Join(bin, "kubelet"), "--config=" + dir + "/kubelet.yaml", "--kubeconfig=" + dir + "/kubelet.kubeconfig",
			"--hostname-override=" + name, "--node-ip=" + nodeAddress(name), "--v=1",
		},
		"kube-proxy": {filepath.Join(bin, "kube-proxy"), "--config=" + dir + "/kube-proxy.yaml", "--hostname-override=" + name},
	}
	return supervise(dir, daemons)
}

func nodeAddress(name string) string {
	for _, n := range nodes(maxNodes) {
		if n.name() == name {
			return n.address()
		}
	}
	return ""
}

func mountNode(dir string) error {
	mount := func(source, target, kind string, flags uintptr) error {
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		return nil
	}
	failed := errors.Join(
		mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE),
		mount(dir+"/lib", "/var/lib", "", syscall.MS_BIND),
		mount(dir+"/log", "/var/log", "", syscall.MS_BIND),
		mount("tmpfs", "/run", "tmpfs", 0),
	)
	// The kubelet writes settings that are the whole machine's: give it files of its own, with its values.
	for setting, value := range map[string]string{
		"kernel/panic": "10", "kernel/panic_on_oops": "1", "vm/overcommit_memory": "1", "vm/panic_on_oom": "0",
		"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
	} {
		own := filepath.Join(dir, "sysctl", filepath.Base(setting))
		failed = errors.Join(failed,
			os.WriteFile(own, []byte(value+"\n"), 0o600), //nolint:gosec // the folder that `up` made for this node
			mount(own, "/proc/sys/"+setting, "", syscall.MS_BIND))
	}
	return errors.Join(failed, mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED)) // after the binds
}

// policyChain sends new connections from and to pods to the NetworkPolicy agent. Without an agent packets
// pass. Probes of the kubelet, which come from uid 0 of the node, always pass.
func policyChain() error {
	const queue = "--queue-num 98 --queue-bypass"
	script := "set -e; t='iptables-nft -w -t mangle'; $t -N PARLEY; $t -A POSTROUTING -j PARLEY" +
		"; $t -A PARLEY -o lo -j RETURN; $t -A PARLEY -m owner --uid-owner 0 -j RETURN" +
		"; $t -A PARLEY -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN" +
		"; $t -A PARLEY -s " + podNetwork + " -j NFQUEUE " + queue + "; $t -A PARLEY -d " + podNetwork + " -j NFQUEUE " + queue
	if text, err := exec.Command("/bin/sh", "-c", script).CombinedOutput(); err != nil { //nolint:noctx // the node's own start
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// restartPause keeps a daemon that fails at once from taking a core.
const restartPause = time.Second

func supervise(dir string, daemons map[string][]string) error {
	children := map[int]string{}
	start := func(name string) error {
		path := filepath.Join(dir, name+".log")
		log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the node's own folder
		if err != nil {
			return err
		}
		defer log.Close()
		cmd := exec.Command(daemons[name][0], daemons[name][1:]...) //nolint:gosec,noctx // a table of ours
		cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
		cmd.Env = append(os.Environ(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
		if err := cmd.Start(); err != nil {
			return err
		}
		children[cmd.Process.Pid] = name
		return nil
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM) // before the first child, which may end at once
	for name := range daemons {
		if err := start(name); err != nil {
			return err
		}
	}
	for s := range signals {
		if s == syscall.SIGTERM {
			return nil // the kernel ends everything in the PID namespace
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
			name, ours := children[pid]
			if !ours {
				continue
			}
			delete(children, pid)
			<-time.After(restartPause)
			if err := start(name); err != nil {
				return err
			}
		}
	}
	return nil
}
