// SPDX-License-Identifier: Apache-2.0

// Package lifecycle starts the parts of a process and stops them in reverse order.
//
// Every goroutine of a service belongs to a Group, which waits for it. What was registered first
// stops last: a listener registered after its database stops before it.
package lifecycle
