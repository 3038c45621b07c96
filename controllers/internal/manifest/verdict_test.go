// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// end of a connection: a pod, or without a namespace an address outside.
type end struct {
	name, namespace string
	labels          map[string]string
	namespaceLabels map[string]string
	address         string
}

// verdict judges connections as a network plug-in would that enforces everything. Blocks count for the
// addresses of pods too: so a block that is too wide shows.
type verdict struct{ policies []networkingv1.NetworkPolicy }

func (v verdict) allows(from, to end, protocol corev1.Protocol, port int32) bool {
	return v.leaves(from, to, protocol, port) && v.enters(from, to, protocol, port)
}

func (v verdict) leaves(from, to end, protocol corev1.Protocol, port int32) bool {
	closed := false
	for _, policy := range v.of(from, networkingv1.PolicyTypeEgress) {
		closed = true
		for _, rule := range policy.Spec.Egress {
			if opens(policy.Namespace, rule.To, to) && names(rule.Ports, protocol, port) {
				return true
			}
		}
	}
	return !closed
}

func (v verdict) enters(from, to end, protocol corev1.Protocol, port int32) bool {
	closed := false
	for _, policy := range v.of(to, networkingv1.PolicyTypeIngress) {
		closed = true
		for _, rule := range policy.Spec.Ingress {
			if opens(policy.Namespace, rule.From, from) && names(rule.Ports, protocol, port) {
				return true
			}
		}
	}
	return !closed
}

// of answers the policies that select a pod in one direction.
func (v verdict) of(pod end, direction networkingv1.PolicyType) []networkingv1.NetworkPolicy {
	var list []networkingv1.NetworkPolicy
	for _, policy := range v.policies {
		if policy.Namespace == pod.namespace && slices.Contains(policy.Spec.PolicyTypes, direction) &&
			selects(&policy.Spec.PodSelector, pod.labels) {
			list = append(list, policy)
		}
	}
	return list
}

// opens: a rule without peers is open to all.
func opens(namespace string, peers []networkingv1.NetworkPolicyPeer, other end) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		if peer.IPBlock != nil {
			return covers(peer.IPBlock, other.address)
		}
		if other.namespace == "" {
			return false
		}
		near := other.namespace == namespace
		if peer.NamespaceSelector != nil {
			near = selects(peer.NamespaceSelector, other.namespaceLabels)
		}
		return near && (peer.PodSelector == nil || selects(peer.PodSelector, other.labels))
	})
}

func covers(block *networkingv1.IPBlock, address string) bool {
	ip := netip.MustParseAddr(address)
	return netip.MustParsePrefix(block.CIDR).Contains(ip) && !slices.ContainsFunc(block.Except, func(except string) bool {
		return netip.MustParsePrefix(except).Contains(ip)
	})
}

// names: a rule without ports opens all.
func names(ports []networkingv1.NetworkPolicyPort, protocol corev1.Protocol, port int32) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		return *p.Protocol == protocol && p.Port.IntVal == port
	})
}

func selects(selector *metav1.LabelSelector, set map[string]string) bool {
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && compiled.Matches(labels.Set(set))
}
