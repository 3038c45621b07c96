// SPDX-License-Identifier: Apache-2.0

// Package client is a Parley client without a screen.
//
// A Client holds one WebSocket, comes back by itself after every loss, and keeps three promises. Each
// message of each conversation reaches the Events function once and in order of seq; a range that is
// missing is told as a gap, which the server declared, or as a hole, which Fill can close later. A
// message that Enqueue or Send took is sent until the server has answered, always under the same id, so
// that it is stored once. What the server said is acknowledged and the cursor is saved only after Events
// has returned and the Store holds the position; so a crash repeats messages and never skips one.
//
// Upload, Download and Thumbnail carry the bytes of files over every break, without Run.
//
// Run drives everything and blocks; all other methods may be called from any goroutine, before Run too.
// Everything that is not live, such as friends and profiles, goes through the generated clients that
// Auth, Users, Friends, Conversations, Messages and Files answer; they carry the token.
package client
