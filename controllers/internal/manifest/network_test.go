// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

func judge(t *testing.T, in manifest.Input) verdict {
	t.Helper()
	var v verdict
	for _, policy := range manifest.NetworkPolicies(in) {
		v.policies = append(v.policies, *decode[networkingv1.NetworkPolicy](t, policy))
	}
	return v
}

// ours are the pods of a cluster as the builders label them, by component, and that of the doctor, whose Job
// the plugin makes.
func ours(t *testing.T, in manifest.Input) map[component.Name]end {
	t.Helper()
	all := map[component.Name]end{}
	for i, p := range pods(t, children(in)) {
		name := component.Name(p.meta.Labels[manifest.LabelComponent])
		all[name] = end{string(name), in.Cluster.Namespace, p.meta.Labels, namespaceLabels(in.Cluster.Namespace), address(i)}
	}
	doctor := manifest.Selector(in.Cluster.Name, component.Doctor)
	all[component.Doctor] = end{"doctor", in.Cluster.Namespace, doctor, namespaceLabels(in.Cluster.Namespace), "10.1.0.99"}
	return all
}

func address(i int) string { return "10.1.0." + string(rune('1'+i%9)) }

func namespaceLabels(name string) map[string]string {
	return map[string]string{corev1.LabelMetadataName: name}
}

// strangers may share a namespace, or a part of the labels.
func strangers(in manifest.Input) []end {
	here := in.Cluster.Namespace
	return []end{
		{"stranger", here, map[string]string{"app": "x"}, namespaceLabels(here), "10.1.1.1"},
		{"neighbour", "other", map[string]string{"app": "x"}, namespaceLabels("other"), "10.1.1.2"},
		{
			"store of the same release", here,
			map[string]string{manifest.LabelInstance: in.Cluster.Name, manifest.LabelName: "mysql", manifest.LabelComponent: "gateway"},
			namespaceLabels(here), "10.1.1.3",
		},
		{
			"another chat", here, manifest.Labels("another", component.Gateway), namespaceLabels(here), "10.1.1.4",
		},
		{"a machine", "", nil, nil, "198.51.100.7"},
	}
}

func operatorPod(in manifest.Input) end {
	return end{"operator", in.OperatorNamespace, in.OperatorLabels, namespaceLabels(in.OperatorNamespace), "10.1.2.1"}
}

func probedPorts() []int32 {
	return []int32{component.PublicPort, component.RPCPort, component.OpsPort, 22, 53, 443, 3306, 3307, 5671, 6443}
}

// TestPairsAreReachableAndNothingElse goes over every pair of pods and every port.
func TestPairsAreReachableAndNothingElse(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/search")
	v, all := judge(t, in), ours(t, in)
	if len(all) != len(manifest.Running(in.Cluster))+len(component.Jobs())+1 { // and the doctor
		t.Fatalf("got pods of %d components", len(all))
	}
	for caller, from := range all {
		for callee, to := range all {
			for _, port := range probedPorts() {
				want := port == component.RPCPort && slices.Contains(component.Callers(callee), caller)
				if got := v.allows(from, to, corev1.ProtocolTCP, port); got != want {
					t.Errorf("%s → %s:%d is allowed %v, want %v", caller, callee, port, got, want)
				}
			}
			// Both ends are closed, not only one of them.
			want := slices.Contains(component.Callers(callee), caller)
			if v.leaves(from, to, corev1.ProtocolTCP, component.RPCPort) != want || v.enters(from, to, corev1.ProtocolTCP, component.RPCPort) != want {
				t.Errorf("%s → %s: one of the two ends judges otherwise than %v", caller, callee, want)
			}
			for _, port := range []int32{component.PublicPort, component.OpsPort} {
				if v.leaves(from, to, corev1.ProtocolTCP, port) {
					t.Errorf("%s may leave to %s:%d", caller, callee, port)
				}
			}
		}
	}
}

func TestStrangersReachThePublicPortOnlyAndTheOperatorTheOpsPorts(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/search")
	v := judge(t, in)
	operator := operatorPod(in)
	for callee, to := range ours(t, in) {
		for _, from := range append(strangers(in), operator) {
			for _, port := range probedPorts() {
				want := callee == component.Gateway && port == component.PublicPort ||
					from.name == operator.name && port == component.OpsPort && callee != component.Migrate && callee != component.Doctor
				if got := v.allows(from, to, corev1.ProtocolTCP, port); got != want {
					t.Errorf("%s → %s:%d is allowed %v, want %v", from.name, callee, port, got, want)
				}
			}
		}
	}
}

func TestPodsReachTheirStoresTheAPIServerAndNames(t *testing.T) {
	t.Parallel()
	const metadata, metadata6, nodeCache = "169.254.169.254", "fd00:ec2::254", "169.254.20.10"
	for _, dir := range []string{"testdata/autoscaled", "testdata/seat-routes", "testdata/search"} {
		in := load(t, dir)
		v, mq := judge(t, in), int32(5671)
		if in.Cluster.Spec.Dependencies.RabbitMQ.TLS == chatv1alpha1.TLSDisabled {
			mq = 5672
		}
		index := in.Cluster.Spec.Dependencies.Elasticsearch != nil
		apiServer := end{name: "API server", address: "192.0.2.1"}
		outside := end{name: "a store outside", address: "203.0.113.9"}
		inside := end{"a store inside", "stores", map[string]string{"app": "store"}, namespaceLabels("stores"), "10.1.3.1"}
		resolver := end{"DNS", "kube-system", map[string]string{"k8s-app": "dns"}, namespaceLabels("kube-system"), "10.1.3.2"}
		for name, from := range ours(t, in) {
			check := func(to end, protocol corev1.Protocol, port int32, want bool) {
				t.Helper()
				if got := v.leaves(from, to, protocol, port); got != want {
					t.Errorf("%s: %s → %s %s %d is allowed %v, want %v", dir, name, to.name, protocol, port, got, want)
				}
			}
			for _, store := range []end{outside, inside} {
				check(store, corev1.ProtocolTCP, 3307, name == component.Doctor || slices.Contains(component.Readers(component.MySQL), name))
				check(store, corev1.ProtocolTCP, 9200, index && (name == component.Doctor || slices.Contains(component.Readers(component.Elasticsearch), name)))
				check(store, corev1.ProtocolTCP, mq, name == component.Doctor || slices.Contains(component.Readers(component.RabbitMQ), name))
				check(store, corev1.ProtocolTCP, 3306, false)
			}
			check(apiServer, corev1.ProtocolTCP, 6443, component.WatchesRing(name))
			check(apiServer, corev1.ProtocolTCP, 443, component.WatchesRing(name))
			check(resolver, corev1.ProtocolUDP, 53, true)
			check(end{name: "DNS cache of the node", address: nodeCache}, corev1.ProtocolUDP, 53, true)
			for _, port := range append(probedPorts(), 80) {
				check(end{name: "metadata", address: metadata}, corev1.ProtocolTCP, port, false)
				check(end{name: "metadata", address: metadata6}, corev1.ProtocolTCP, port, false)
			}
		}
	}
}

func TestTheSpecNarrowsWhoMayComeIn(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/seat-routes")
	v, gateway := judge(t, in), ours(t, in)[component.Gateway]
	edge := end{"edge", "edge", nil, map[string]string{"team": "edge"}, "10.1.4.1"}
	prometheus := end{"prometheus", "watch", map[string]string{"app": "prometheus"}, map[string]string{"team": "watch"}, "10.1.4.2"}
	office := end{name: "office", address: "203.0.113.77"}
	for _, row := range []struct {
		from end
		port int32
		want bool
	}{
		{edge, component.PublicPort, true},
		{office, component.PublicPort, true},
		{prometheus, component.PublicPort, false},
		{strangers(in)[0], component.PublicPort, false},
		{prometheus, component.OpsPort, true},
		{edge, component.OpsPort, false},
		{operatorPod(in), component.OpsPort, true},
	} {
		if got := v.allows(row.from, gateway, corev1.ProtocolTCP, row.port); got != row.want {
			t.Errorf("%s → gateway:%d is allowed %v, want %v", row.from.name, row.port, got, row.want)
		}
	}
}

func TestPoliciesThatAreSwitchedOffAreNotMade(t *testing.T) {
	t.Parallel()
	if policies := manifest.NetworkPolicies(load(t, "testdata/overrides")); len(policies) != 0 {
		t.Errorf("got %d policies, want none", len(policies))
	}
}
