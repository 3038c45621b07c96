// SPDX-License-Identifier: Apache-2.0

// Package ring says which gateway pod is the home of a user.
//
// A gateway replica is a seat. Rendezvous hashing gives every user one seat: the one with the highest
// xxh3 over the 16 bytes of the user id and the big-endian seat number, the lower seat where two are
// equal. A seat is in the ring while a pod of it serves. Its home pod is the ready pod with the lowest
// UID, else the serving one with the lowest. Everything here is pure: the same members give the same
// answers in every process, so that nobody has to agree on a table. A seat that joins or leaves moves
// only its own users.
package ring
