// SPDX-License-Identifier: Apache-2.0

// Package user keeps accounts and what a token proves.
//
// It owns people (username, nickname, description), their passwords, their login sessions and the
// counters that slow guessing down. It emits user.updated. It promises:
//
//   - An unknown name and a wrong password get one answer, after the same number of statements and
//     hashes.
//   - A code by SMS goes out whether or not the number has an account, and is right for one phone, one
//     purpose and one request, five tries and one success. Nothing sends it twice.
//   - A password is stored only as a slow hash, a token only as SHA-256.
//   - A login session that ended is in the list of revocations of this process at once, and in that of
//     every other process at its next poll.
//
// Who answers for the platform has a role. An act on an account locks all roles, then the account, and writes its
// entry of the audit log with the change: no act of a role that is gone succeeds, an owner who can sign in always
// remains, and a login that races a suspension is ended by it or refused.
//
// A login passes, in order: the size of the password, the counters of the client address and of the
// account (charged before the password is looked at, so that parallel guesses cannot overtake them),
// one hash, and one transaction that opens the login session and ends those that give way.
package user
