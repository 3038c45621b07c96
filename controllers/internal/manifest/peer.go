// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Addresses at which machines of a cloud hand out credentials. No rule reaches them, unless the spec
// names a network within.
const (
	metadataAddress  = "169.254.169.254/32"
	metadataAddress6 = "fd00:ec2::254/128"
	linkLocal        = "169.254.0.0/16"
	linkLocal6       = "fe80::/10"
)

type peer = networkingv1ac.NetworkPolicyPeerApplyConfiguration

// podsOf selects pods of this cluster.
func podsOf(in Input, names ...component.Name) []*peer {
	var list []*peer
	for _, name := range names {
		list = append(list, networkingv1ac.NetworkPolicyPeer().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(in.Cluster.Name, name))))
	}
	return list
}

// operatorPeer is empty when the operator is not a pod.
func operatorPeer(in Input) []*peer {
	if in.OperatorNamespace == "" {
		return nil
	}
	operator := networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector().
		WithMatchLabels(map[string]string{corev1.LabelMetadataName: in.OperatorNamespace}))
	if len(in.OperatorLabels) > 0 {
		operator.WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(in.OperatorLabels))
	}
	return []*peer{operator}
}

// peers of the spec. Without labels of namespaces it is this namespace, without labels of pods all pods.
func peers(wanted []chatv1alpha1.Peer) []*peer {
	var list []*peer
	for _, one := range wanted {
		if one.CIDR != "" {
			list = append(list, blocks([]string{one.CIDR})...)
			continue
		}
		selected := networkingv1ac.NetworkPolicyPeer()
		if len(one.NamespaceLabels) > 0 {
			selected.WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(one.NamespaceLabels))
		}
		if len(one.PodLabels) > 0 {
			selected.WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(one.PodLabels))
		} else if len(one.NamespaceLabels) == 0 {
			selected.WithPodSelector(metav1ac.LabelSelector())
		}
		list = append(list, selected)
	}
	return list
}

// blocks of addresses, without the link-local ones that lie within.
func blocks(cidrs []string) []*peer {
	var list []*peer
	for _, cidr := range cidrs {
		list = append(list, block(cidr, within(cidr, linkLocal, linkLocal6, metadataAddress6)...))
	}
	return list
}

func within(cidr string, candidates ...string) []string {
	outer, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil
	}
	var inside []string
	for _, candidate := range candidates {
		inner := netip.MustParsePrefix(candidate)
		if outer.Bits() < inner.Bits() && outer.Contains(inner.Addr()) {
			inside = append(inside, candidate)
		}
	}
	return inside
}

// orAnywhere is every pod and every address but the link-local ones. Both are named, because some
// networks do not count pods among the addresses of a block.
func orAnywhere(wanted []*peer) []*peer {
	if len(wanted) > 0 {
		return wanted
	}
	return append([]*peer{anyPod()}, blocks([]string{"0.0.0.0/0", "::/0"})...)
}

func anyPod() *peer {
	return networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector())
}

func block(cidr string, except ...string) *peer {
	return networkingv1ac.NetworkPolicyPeer().WithIPBlock(networkingv1ac.IPBlock().WithCIDR(cidr).WithExcept(except...))
}
