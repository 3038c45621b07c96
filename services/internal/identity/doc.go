// SPDX-License-Identifier: Apache-2.0

// Package identity proves which component calls, and for whom.
//
// Every call between components carries the header Parley-Identity: base64 of a signed claim that
// lives for 30 s and is meant for one component. Each component has an Ed25519 key pair; all public
// halves are everywhere, with the previous ones, so that keys can be changed without an interruption.
// A value of this package is safe for concurrent use; none is ever written to a log.
package identity
