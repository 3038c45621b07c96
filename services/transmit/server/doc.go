// SPDX-License-Identifier: Apache-2.0

// Package server wires transmit from its configuration.
//
// Run serves until its context ends and never fails because the broker, the ring or the friend service
// is away: events then wait in their queue.
package server
