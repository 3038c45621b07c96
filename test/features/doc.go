// SPDX-License-Identifier: Apache-2.0

// Package features keeps the table of what Parley does, beside the tests that show it.
//
// calls.yaml lists the operations of the original system, features.yaml what the first release must do,
// conformance.yaml what a client must stand. The tests fail if a row names a test that does not exist, and
// write docs/reference/features.md and conformance.md with -update, as `make generate` does.
package features
