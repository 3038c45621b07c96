// SPDX-License-Identifier: Apache-2.0

//go:build !failpoints

package failpoint

// Enabled tells whether this build has failpoints.
const Enabled = false

// Hit does nothing in a release build.
func Hit(Name) error { return nil }
