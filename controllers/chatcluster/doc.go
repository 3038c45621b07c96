// SPDX-License-Identifier: Apache-2.0

// Package chatcluster reconciles a ChatCluster: one pass looks at everything and brings the children closer
// to the spec.
//
// A pass reads all children once, runs its steps in order until one stops, and writes the status once. The
// order is: validate the spec, bind the stores, apply what runs no version, change the schemas, roll out the
// components wave by wave, and prune what is no longer wanted. Everything is computed from what was
// observed, so a pass after a crash goes on where the last one stopped, and a pass over an unchanged cluster
// writes nothing. The spec is never written; nothing of somebody else is taken over; there is no finalizer,
// so deleting works without an operator.
//
// A cache may be late. Writes carry the UID of what was looked at, what the cache does not show is read
// live before it is made, and so is a wave before the next one begins. A store whose Secret is lost holds
// the pods that read it as they are; all else goes on. A change of version that failed stays as it is until
// the spec, or the annotation chat.parley.dev/retry, changes.
package chatcluster
