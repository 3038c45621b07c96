// SPDX-License-Identifier: Apache-2.0

// Package failpoint names the places where a test may stop the program.
//
// A release build has no failpoints: Hit is an empty function. Tests build with the tag "failpoints"
// and set an action per name.
package failpoint

// Name of a crash point.
type Name string

// The points: of a send, in the order in which it passes them, and of a file from its bytes to the message that shows it.
const (
	// BeforeCommit is inside the transaction, before its commit.
	BeforeCommit Name = "before-commit"
	// AfterCommit is after the commit and before anybody is answered or anything is published.
	AfterCommit Name = "after-commit"
	// AfterConfirm is after the broker's confirm and before the outbox row goes.
	AfterConfirm Name = "after-confirm"
	// AfterBytes is after the object store took bytes of an upload and before their offset is noted.
	AfterBytes Name = "after-bytes"
	// AfterSeal is after an upload became a blob and before it is checked and noted as a file.
	AfterSeal Name = "after-seal"
	// AfterThumbnails is after thumbnails were stored and before they and their file are noted.
	AfterThumbnails Name = "after-thumbnails"
	// AfterCite is after the file service noted a citation and before what cites is stored.
	AfterCite Name = "after-cite"
)
