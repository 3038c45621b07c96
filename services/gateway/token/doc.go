// SPDX-License-Identifier: Apache-2.0

// Package token is the port gateway.Tokens on the user service.
//
// What a token proves is remembered under its SHA-256 for at most five minutes, so that calls and
// sessions do not wait for the user service. Every second the Verifier asks which login sessions have
// ended: those are forgotten at once and reported, and never enter again, also if they were verified
// before and the answer came late. When the list does not reach back, everything is forgotten and
// verified again. What the user service publishes meanwhile only makes that faster: it never counts as
// an answer. Without an answer for 30 s the Verifier is not fresh and proves nothing. A role is never
// remembered, and whether somebody hides what they read for a second only: no list tells of their changes.
package token
