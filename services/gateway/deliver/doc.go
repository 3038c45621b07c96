// SPDX-License-Identifier: Apache-2.0

// Package deliver carries envelopes over AMQP.
//
// A Consumer gives the envelopes of its pod to the Hub and watches their numbers: a hole, a lost
// connection and each new bind make the Hub compare heads. A Courier sends deliveries to other pods:
// durable ones in numbered envelopes, one in flight per pod, so that an idle lane sends at once and a
// busy one fills up; what does not fit leaves a hole in the numbers. Typing goes without numbers and
// expires after two seconds.
package deliver
