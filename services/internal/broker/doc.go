// SPDX-License-Identifier: Apache-2.0

// Package broker is the port through which services hand each other events.
//
// A publish that returned nil is held by at least one queue; a delivery that was not acknowledged comes
// again. So everything arrives at least once, and consumers drop duplicates. The adapters amqpbroker and
// membroker keep the same promises; brokertest holds them to it.
package broker
