// SPDX-License-Identifier: Apache-2.0

// Package scenario makes the load and the faults of a ledger run.
//
// People with two devices each send to their friends through the client library while faults hit the
// system one after the other. Everything that the library answers and shows goes to the journal. At the
// end the system is whole again, every device has caught up or the deadline is over, all histories are
// read, and ledger.Judge decides.
package scenario
