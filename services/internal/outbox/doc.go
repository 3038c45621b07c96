// SPDX-License-Identifier: Apache-2.0

// Package outbox publishes what a transaction has committed.
//
// A service inserts rows into its table "outbox" inside the transaction and offers the events after the
// commit. A row goes only after the broker's confirm. What a crash, a full queue or an absent broker left
// is found by a sweep. Every committed event is published at least once; order between events is none of
// the package's promises.
package outbox
