// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"net/netip"
	"slices"
)

func (p *problems) checkNetworkPolicy(policy *NetworkPolicy) {
	const path = "spec.networkPolicy"
	p.checkPeers(path+".gatewayFrom", policy.GatewayFrom, 16)
	p.checkPeers(path+".metricsFrom", policy.MetricsFrom, 16)
	p.checkPeers(path+".dependencyTo", policy.DependencyTo, 32)
	p.checkNetworks(path+".apiServerCIDRs", policy.APIServerCIDRs, 8)
}

// checkPeers refuses a peer without any field: in a NetworkPolicy it would be everybody.
func (p *problems) checkPeers(path string, peers []Peer, most int) {
	p.atMost(path, len(peers), most)
	for i, peer := range peers {
		at := fmt.Sprintf("%s[%d]", path, i)
		selects := len(peer.NamespaceLabels) > 0 || len(peer.PodLabels) > 0
		p.unless((peer.CIDR != "") != selects, at, "set either cidr, or namespaceLabels and podLabels")
		if peer.CIDR != "" {
			p.checkNetwork(at+".cidr", peer.CIDR)
		}
		p.checkPeerLabels(at+".namespaceLabels", peer.NamespaceLabels)
		p.checkPeerLabels(at+".podLabels", peer.PodLabels)
	}
}

func (p *problems) checkPeerLabels(path string, labels map[string]string) {
	p.atMost(path, len(labels), 16)
	p.checkLabelSyntax(path, labels)
}

func (p *problems) checkNetworks(path string, networks []string, most int) {
	p.atMost(path, len(networks), most)
	for i, network := range networks {
		p.checkNetwork(fmt.Sprintf("%s[%d]", path, i), network)
	}
	p.checkTwice(path, networks)
}

// checkNetwork refuses IPv4 inside IPv6, as Kubernetes does: such a network matches nothing.
func (p *problems) checkNetwork(path, text string) {
	network, err := netip.ParsePrefix(text)
	p.unless(err == nil && !network.Addr().Is4In6(), path, "write a network like 10.0.0.0/8")
}

func (p *problems) checkTwice(path string, list []string) {
	for i, entry := range list {
		p.unless(!slices.Contains(list[:i], entry), fmt.Sprintf("%s[%d]", path, i), "remove it: it is there twice")
	}
}
