// SPDX-License-Identifier: Apache-2.0

// Package failpoint names the places where a test may stop the program.
//
// A release build has no failpoints: Hit is an empty function. Tests build with the tag "failpoints"
// and set an action per name.
package failpoint

// Name of a crash point.
type Name string

// The points, in the order in which a send passes them.
const (
	// BeforeCommit is inside the transaction, before its commit.
	BeforeCommit Name = "before-commit"
	// AfterCommit is after the commit and before anybody is answered or anything is published.
	AfterCommit Name = "after-commit"
	// AfterConfirm is after the broker's confirm and before the outbox row goes.
	AfterConfirm Name = "after-confirm"
)
