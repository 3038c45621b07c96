// SPDX-License-Identifier: Apache-2.0

// Package deliver is the courier of transmit over AMQP.
//
// Each gateway pod has a lane: one goroutine and a bounded queue of deliveries. At most one envelope of
// a lane is in flight; what waits meanwhile forms the next one, up to 64 deliveries or 32 KiB. So an
// idle lane sends at once and a busy one fills up, in order either way. Envelopes carry the lane's
// random sender id and a number that grows by one with each try; every ten seconds an empty envelope
// repeats the last number, so that a pod notices the loss of the very last one. A lane whose pod is gone
// ends at its next repeat; a later one for the same pod has a new sender id and starts again at 1.
package deliver
