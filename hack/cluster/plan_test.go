// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	bridge, pods, services := netip.MustParsePrefix(bridgeNetwork), netip.MustParsePrefix(podNetwork), netip.MustParsePrefix(serviceRange)
	if bridge.Overlaps(pods) || bridge.Overlaps(services) || pods.Overlaps(services) {
		t.Error("bridge, pods and services overlap")
	}
	for _, address := range []string{firstService, dnsAddress} {
		if !services.Contains(netip.MustParseAddr(address)) {
			t.Errorf("%s is outside of the services", address)
		}
	}
	seen := map[string]bool{hostAddress: true}
	for _, n := range nodes(maxNodes) {
		if !bridge.Contains(netip.MustParseAddr(n.address())) || seen[n.address()] {
			t.Errorf("%s: address %s is taken or outside of the bridge", n.name(), n.address())
		}
		own := netip.MustParsePrefix(n.pods())
		if !pods.Contains(own.Addr()) || seen[own.String()] {
			t.Errorf("%s: pods %s are taken or outside of the pods", n.name(), own)
		}
		if len(n.link()) > 15 {
			t.Errorf("%s: the kernel takes no link named %s", n.name(), n.link())
		}
		seen[n.address()], seen[own.String()] = true, true
	}
}

func TestNodeFiles(t *testing.T) {
	t.Parallel()
	p := newPlan("/repository", "/programs")
	files := p.nodeFiles(node{2}, "100Mi")
	for name, text := range files {
		if strings.Contains(text, "${") {
			t.Errorf("%s has a value that nobody fills in:\n%s", name, text)
		}
	}
	for name, want := range map[string][]string{
		"kubelet.yaml":       {`cgroupRoot: "/parley/node-2"`, `systemReserved: {memory: "100Mi"}`, `clusterDNS: ["10.96.0.10"]`},
		"containerd.toml":    {`conf_dir = "/repository/.cache/cluster/state/node-2/cni"`},
		"cni/10-bridge.conf": {`"subnet": "10.244.2.0/24"`},
		"kube-proxy.yaml":    {"mode: nftables", `kubeconfig: "/repository/.cache/cluster/state/proxy.kubeconfig"`},
	} {
		for _, part := range want {
			if !strings.Contains(files[name], part) {
				t.Errorf("%s lacks %s:\n%s", name, part, files[name])
			}
		}
	}
	if files["resolv.conf"] != "" {
		t.Error("a node asks a resolver of the machine")
	}
}

func TestNodesShareTheMemoryOfTheMachine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		count   int
		machine int64
		want    string
	}{
		{"one node leaves a twelfth to the host", 1, 24000, "2000Mi"},
		{"three nodes share what is left", 3, 24000, "16667Mi"},
		{"a small machine keeps something for each node", 3, 4800, "3334Mi"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, reservedFor(test.count, test.machine)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCertificatesNameTheirHosts(t *testing.T) {
	t.Parallel()
	p := plan{state: t.TempDir()}
	if err := p.writeCertificates(2); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(readCertificate(t, p.path("pki", "ca.crt")))
	for file, host := range map[string]string{"apiserver": firstService, "kubelet-node-2": "10.233.0.12"} {
		certificate := readCertificate(t, p.path("pki", file+".crt"))
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	kubelet := readCertificate(t, p.path("pki", "kubelet-node-1.crt"))
	if kubelet.Subject.CommonName != "system:node:node-1" || !cmp.Equal(kubelet.Subject.Organization, []string{"system:nodes"}) {
		t.Errorf("the API server would not take it for node-1: %s", kubelet.Subject)
	}
	front := readCertificate(t, p.path("pki", "front-proxy.crt"))
	if _, err := front.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
		t.Error("the authority of clients vouches for the front proxy, whose headers name any user")
	}
}

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestAnImageIsMadeAgainWhenItsProgramChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, done := filepath.Join(dir, "program"), filepath.Join(dir, "done")
	runs := 0
	for _, step := range []struct {
		name, content string
		runs          int
	}{
		{"the first time", "a", 1},
		{"with the same program", "", 1},
		{"with another program", "longer", 2},
	} {
		if step.content != "" {
			if err := os.WriteFile(program, []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		key, err := imageKey(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := once(done, key, func() error { runs++; return nil }); err != nil || runs != step.runs {
			t.Errorf("%s: made %d times, want %d (%v)", step.name, runs, step.runs, err)
		}
	}
	failed := errors.New("disk full")
	if err := once(done, "new", func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("an error is lost: %v", err)
	}
	if err := once(done, "new", func() error { runs++; return nil }); err != nil || runs != 3 {
		t.Error("what failed is not tried again")
	}
}

func TestCoreDNSMovesOnlyFromOneNode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		nodes []string
		want  bool
	}{
		{"both on one node", []string{"node-1", "node-1"}, true},
		{"on two nodes", []string{"node-1", "node-2"}, false},
		{"one replica has nowhere to move", []string{"node-1"}, false},
		{"none is placed yet", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := onOneNode(test.nodes); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestManifestsHaveNoValueThatNobodyFillsIn(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"access": accessManifest, "coredns": dnsManifest, "metrics-server": metricsManifest, "kube-network-policies": policyManifest} {
		if strings.Contains(strings.ReplaceAll(text, "${DNS}", ""), "${") {
			t.Errorf("%s has an unknown value", name)
		}
		if strings.Contains(text, "image:") && !strings.Contains(text, "image: "+imageOf(name)) {
			t.Errorf("%s runs an image that up does not load", name)
		}
	}
}
