// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// NetworkPolicies refuse everything to and from the pods of the cluster, and then open per component what
// the pair list of the components says; none when they are switched off.
//
// Everything in their lists is spelled out, defaults too: a list is one value in an apply.
func NetworkPolicies(in Input) []*networkingv1ac.NetworkPolicyApplyConfiguration {
	wanted := in.Cluster.Spec.NetworkPolicy
	if wanted != nil && wanted.Enabled != nil && !*wanted.Enabled {
		return nil
	}
	policies := []*networkingv1ac.NetworkPolicyApplyConfiguration{
		networkPolicy(in, ChildName(in.Cluster.Name, "deny-all"), ""),
	}
	for _, name := range append(podded(in), component.Doctor) {
		policy := networkPolicy(in, DeploymentName(in.Cluster.Name, name), name)
		policy.Spec.WithIngress(ingress(in, name)...).WithEgress(egress(in, name)...)
		policies = append(policies, policy)
	}
	return policies
}

// networkPolicy is closed in both directions until rules are added.
func networkPolicy(in Input, child string, name component.Name) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return networkingv1ac.NetworkPolicy(child, in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(Selector(in.Cluster.Name, name))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress))
}

func ingress(in Input, name component.Name) []*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	if name == component.Migrate || name == component.Doctor { // they listen on no port
		return nil
	}
	var rules []*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration
	if name == component.Gateway {
		rules = append(rules, networkingv1ac.NetworkPolicyIngressRule().
			WithPorts(tcp(component.PublicPort)...).
			WithFrom(peers(settings(in).GatewayFrom)...))
	}
	if callers := callersOf(in, name); len(callers) > 0 {
		rules = append(rules, networkingv1ac.NetworkPolicyIngressRule().
			WithPorts(tcp(component.RPCPort)...).
			WithFrom(podsOf(in, callers...)...))
	}
	watchers := append(operatorPeer(in), peers(settings(in).MetricsFrom)...)
	if len(watchers) > 0 {
		rules = append(rules, networkingv1ac.NetworkPolicyIngressRule().
			WithPorts(tcp(component.OpsPort)...).
			WithFrom(watchers...))
	}
	return rules
}

func egress(in Input, name component.Name) []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	rules := []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration{resolver()}
	for _, callee := range Running(in.Cluster) {
		if slices.Contains(component.Callers(callee), name) {
			rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().
				WithPorts(tcp(component.RPCPort)...).
				WithTo(podsOf(in, callee)...))
		}
	}
	for _, d := range component.Dependencies() {
		if port, to := placeOf(in, d); port != 0 && reads(name, d) {
			rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().WithPorts(tcp(port)...).WithTo(to...))
		}
	}
	if component.WatchesRing(name) {
		rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().
			WithPorts(tcp(443, 6443)...).
			WithTo(orAnywhere(blocks(settings(in).APIServerCIDRs))...))
	}
	return rules
}

// callersOf a component that run.
func callersOf(in Input, name component.Name) []component.Name {
	return slices.DeleteFunc(component.Callers(name), func(caller component.Name) bool { return !IsWanted(in.Cluster, caller) })
}

// reads tells whether a pod has the binding of a dependency. The doctor has those of message, and looks at what
// files and speech need.
func reads(name component.Name, d component.Dependency) bool {
	if name != component.Doctor {
		return slices.Contains(component.Readers(d), name)
	}
	return d == component.ObjectStore || d == component.SpeechProvider || slices.Contains(component.Readers(d), component.Message)
}

// placeOf a dependency: its port, 0 if nobody connects to it, and where it may be. Stores are where the spec says;
// object stores and providers may be outside of the cluster, too.
func placeOf(in Input, d component.Dependency) (port int32, to []*peer) {
	if !Uses(in.Cluster, d) {
		return 0, nil
	}
	stores := peers(settings(in).DependencyTo)
	outside := blocks([]string{"0.0.0.0/0", "::/0"})
	switch d {
	case component.SMS:
		if in.Cluster.Spec.Dependencies.SMS.SecretRef == nil {
			return 0, nil
		}
		return cmp.Or(in.Bindings[d].Port, portHTTPS), outside
	case component.ObjectStore:
		port = cmp.Or(in.Bindings[d].Port, portHTTPS)
	case component.SpeechProvider:
		port = speechPort(in.Cluster.Spec.Dependencies.Speech)
	default:
		return storePort(in, d), orAnywhere(stores)
	}
	if len(stores) == 0 {
		return port, orAnywhere(nil)
	}
	return port, append(stores, outside...)
}

// storePort is what the binding says, else the usual port of the store.
func storePort(in Input, store component.Dependency) int32 {
	if port := in.Bindings[store].Port; port != 0 {
		return port
	}
	if store == component.MySQL {
		return 3306
	}
	if store == component.Elasticsearch {
		return 9200
	}
	if rabbitmq := in.Cluster.Spec.Dependencies.RabbitMQ; rabbitmq != nil && rabbitmq.TLS != chatv1alpha1.TLSDisabled {
		return 5671
	}
	return 5672
}

// resolver is DNS, wherever it is: also at the link-local address of a cache on the node.
func resolver() *networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	const dns = 53
	return networkingv1ac.NetworkPolicyEgressRule().
		WithPorts(port(corev1.ProtocolUDP, dns)).
		WithPorts(tcp(dns)...).
		WithTo(anyPod(), block("0.0.0.0/0", metadataAddress), block("::/0", metadataAddress6))
}

func tcp(numbers ...int32) []*networkingv1ac.NetworkPolicyPortApplyConfiguration {
	var ports []*networkingv1ac.NetworkPolicyPortApplyConfiguration
	for _, n := range numbers {
		ports = append(ports, port(corev1.ProtocolTCP, n))
	}
	return ports
}

func port(protocol corev1.Protocol, number int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}

func settings(in Input) chatv1alpha1.NetworkPolicy {
	if in.Cluster.Spec.NetworkPolicy == nil {
		return chatv1alpha1.NetworkPolicy{}
	}
	return *in.Cluster.Spec.NetworkPolicy
}
