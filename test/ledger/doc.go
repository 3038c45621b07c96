// SPDX-License-Identifier: Apache-2.0

// Package ledger judges a run of Parley from the outside.
//
// Clients write a journal: one line before a call leaves and one after it returned, one for each message
// that a device shows, one for each read of history. Check compares the journal with itself and with the
// history read at the end, and lists every breach of the invariants: nothing acknowledged is lost (I1),
// nothing appears from nowhere (I2), nothing twice (I3), one answer for all retries (I4), no holes (I5),
// order in real time (I6) and per connection (I7), stable history (I8), read your write (I9), delivery to
// each device (I10) in order (I11), nothing shown to strangers (I14), no delivery by a superseded
// connection (I17), and read markers that only rise (I18).
//
// The judge needs no trust in the system: each text carries a marker that only the run can make. The judge
// itself is tested with histories into which one fault was put.
package ledger
