// SPDX-License-Identifier: Apache-2.0

// Package endpointslices learns the ring of gateways from the EndpointSlices of one headless Service.
//
// An endpoint's hostname is its seat and its targetRef the pod. Only what the ring needs of a slice is
// kept. A server that does not answer leaves the last view in force: pods that are gone cost a retry, an
// empty ring would cost every message on its way.
package endpointslices
