// SPDX-License-Identifier: Apache-2.0

// Package arch holds the rules of this repository as tests.
//
// Nothing here starts a server: the tests read sources, `go list` and the registered descriptors, and
// take a few seconds. Each failure says the rule and its reason. `go test -v -run Budget ./test/arch`
// prints the table of sizes.
package arch
