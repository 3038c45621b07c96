// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"strings"
)

// startNetwork makes the bridge of the host and routes to pods and services. The host forwards nothing.
func (p plan) startNetwork(ctx context.Context) error {
	if _, err := run(ctx, "ip", "link", "show", bridgeName); err == nil {
		return nil
	}
	_, err := run(ctx, "ip", "link", "add", bridgeName, "type", "bridge")
	if err == nil {
		_, err = run(ctx, "ip", "addr", "add", bridgeNetwork, "dev", bridgeName)
	}
	if err == nil {
		_, err = run(ctx, "ip", "link", "set", bridgeName, "up")
	}
	return err
}

// connect makes a node's network namespace with a cable to the bridge. It has routes to all nodes that
// there may be, so that one that joins later is reached.
func (n node) connect(ctx context.Context) error {
	if _, err := os.Stat("/run/netns/" + n.netns()); err == nil {
		return nil
	}
	inside := func(args ...string) []string { return append([]string{"-n", n.netns()}, args...) }
	commands := [][]string{
		{"netns", "add", n.netns()},
		{"link", "add", n.link(), "type", "veth", "peer", "name", "eth0", "netns", n.netns()},
		{"link", "set", n.link(), "master", bridgeName, "up"},
		inside("link", "set", "lo", "up"),
		inside("addr", "add", n.address()+"/24", "dev", "eth0"),
		inside("link", "set", "eth0", "up"),
		// A node's own process reaches a Service only with a route: translation comes after routing.
		inside("route", "add", serviceRange, "dev", "eth0"),
		{"route", "replace", n.pods(), "via", n.address()},
	}
	if n.number == 1 {
		commands = append(commands, []string{"route", "replace", serviceRange, "via", n.address()})
	}
	for _, other := range nodes(maxNodes) {
		if other != n {
			commands = append(commands, inside("route", "add", other.pods(), "via", other.address()))
		}
	}
	for _, args := range commands {
		if _, err := run(ctx, "ip", args...); err != nil {
			return err
		}
	}
	return nil
}

// setLink cuts a node off the network, or heals it.
func (n node) setLink(ctx context.Context, state string) error {
	_, err := run(ctx, "ip", "link", "set", n.link(), state)
	return err
}

// removeNetwork takes away what startNetwork and connect made; routes go with the bridge.
func removeNetwork(ctx context.Context) error {
	var failed error
	for _, n := range nodes(maxNodes) {
		if _, err := os.Stat("/run/netns/" + n.netns()); err == nil {
			_, err := run(ctx, "ip", "netns", "del", n.netns())
			failed = errors.Join(failed, err)
		}
		if _, err := os.Stat("/sys/class/net/" + n.link()); err == nil {
			_, err := run(ctx, "ip", "link", "del", n.link())
			failed = errors.Join(failed, err)
		}
	}
	if _, err := os.Stat("/sys/class/net/" + bridgeName); err == nil {
		_, err := run(ctx, "ip", "link", "del", bridgeName)
		failed = errors.Join(failed, err)
	}
	// `ip netns add` leaves a mount of /run/netns on itself.
	if entries, err := os.ReadDir("/run/netns"); err == nil && len(entries) == 0 {
		if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil && strings.Contains(string(mounts), " /run/netns ") {
			_, err := run(ctx, "umount", "/run/netns")
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
