// SPDX-License-Identifier: Apache-2.0

// Package apiservertest starts a real API server for tests.
package apiservertest

import (
	"os"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Start runs a kube-apiserver and an etcd, with the kinds of the given files or folders, until the test
// ends. No controller of Kubernetes runs beside them. The programs are in the folder KUBEBUILDER_ASSETS;
// without it the test is skipped, or fails where servers are required.
func Start(t *testing.T, kinds ...string) (*envtest.Environment, *rest.Config) {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("KUBEBUILDER_ASSETS must name a folder with kube-apiserver and etcd")
		}
		t.Skip("KUBEBUILDER_ASSETS names no folder with kube-apiserver and etcd: run make test-go")
	}
	environment := &envtest.Environment{CRDDirectoryPaths: kinds, ErrorIfCRDPathMissing: true}
	// Nothing has to outlive the test, and to wait for the disk is most of a write.
	environment.ControlPlane.Etcd = &envtest.Etcd{}
	environment.ControlPlane.Etcd.Configure().Set("unsafe-no-fsync", "true")
	// Many tests share a server, and the usual range is full after 254 Services.
	environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
	t.Cleanup(func() { // also after half a start
		if err := environment.Stop(); err != nil {
			t.Errorf("stop kube-apiserver and etcd: %v", err)
		}
	})
	config, err := environment.Start()
	if err != nil {
		t.Fatalf("start kube-apiserver and etcd: %v", err)
	}
	config.QPS = -1
	return environment, config
}
