// SPDX-License-Identifier: Apache-2.0

// Command coredns is CoreDNS with only the plug-ins that a cluster for tests needs, which halves its
// compile time.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache" // each registers itself
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order is the order in which a query passes the plug-ins.
	dnsserver.Directives = []string{"errors", "health", "ready", "cache", "loadbalance", "template", "kubernetes"}
	coremain.Run()
}
