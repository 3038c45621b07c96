// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
)

// Addresses of the cluster. Nothing of it is reachable from outside this machine.
const (
	bridgeName    = "parley0"
	hostAddress   = "10.233.0.1" // of the bridge: control plane, and stores of tests
	bridgeNetwork = "10.233.0.1/24"
	podNetwork    = "10.244.0.0/16"
	serviceRange  = "10.96.0.0/16"
	firstService  = "10.96.0.1"
	dnsAddress    = "10.96.0.10"
	apiPort       = 6443
	etcdPort      = 2379
	maxNodes      = 9
)

// plan says where everything lies.
type plan struct {
	root  string // of the repository
	bin   string // programs
	state string // of the running cluster
}

func newPlan(root, bin string) plan {
	return plan{root: root, bin: bin, state: filepath.Join(root, ".cache", "cluster", "state")}
}

func (p plan) path(parts ...string) string {
	return filepath.Join(append([]string{p.state}, parts...)...)
}
func (p plan) program(name string) string { return filepath.Join(p.bin, name) }
func (p plan) kubeconfig() string         { return p.path("kubeconfig") }
func (p plan) log(name string) string     { return p.path("logs", name+".log") }

// node is one node of the cluster, numbered from 1.
type node struct{ number int }

func nodes(count int) []node {
	list := make([]node, 0, count)
	for i := range count {
		list = append(list, node{i + 1})
	}
	return list
}

func (n node) name() string    { return fmt.Sprintf("node-%d", n.number) }
func (n node) address() string { return fmt.Sprintf("10.233.0.%d", 10+n.number) }
func (n node) pods() string    { return fmt.Sprintf("10.244.%d.0/24", n.number) }
func (n node) netns() string   { return "parley-" + n.name() }
func (n node) link() string    { return fmt.Sprintf("parley-n%d", n.number) }

func apiURL() string  { return fmt.Sprintf("https://%s:%d", hostAddress, apiPort) }
func etcdURL() string { return fmt.Sprintf("http://%s:%d", "127.0.0.1", etcdPort) }
