// SPDX-License-Identifier: Apache-2.0

// Package server wires the message service from its configuration.
//
// Run serves until its context ends and never fails because the database or the broker is away: calls
// are answered unavailable then, or events wait in the outbox.
package server
