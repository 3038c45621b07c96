// SPDX-License-Identifier: Apache-2.0

// Package faults holds the ledger runs against real processes.
//
// One run kills, restarts and wipes every part of a cluster of five services on MariaDB and RabbitMQ while
// people write. One kills `parley dev` at random moments. Three stop the message service at the exact
// points where a message could be lost or doubled. The short forms run in `make test`; `make ledger` runs
// them at full size.
package faults
