// SPDX-License-Identifier: Apache-2.0

// Package gatewaytest holds fakes for tests of gateways: real little implementations of the ports, in
// memory.
package gatewaytest
