// SPDX-License-Identifier: Apache-2.0

// Package kubernetes holds the tests of a ChatCluster on the cluster of hack/cluster, with the operator of
// `make kube-demo`. They need the build tag e2e: make e2e.
//
// Each test has a namespace, a MariaDB and a RabbitMQ of its own, does what people do with kubectl and helm,
// and judges by what clients saw and by what the pods are.
package kubernetes
