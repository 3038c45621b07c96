// SPDX-License-Identifier: Apache-2.0

// Package gateway holds the rules of WebSocket sessions.
//
// A Hub owns the sessions of one pod. A session authenticates with its first frame, is registered at
// the home pod of its user, and only then reads heads; so nothing falls between "read" and "live". The
// home pod keeps the Registry: which instances of a user are connected, with session epoch and holder.
// It delivers to its own sessions and forwards to the holders of the others. A session that is not
// registered delivers nothing. Whatever is dropped, by a full queue, a lost envelope or a lost broker,
// is replaced by a resync frame or shows as a moved head in the next pong; it is never silent.
//
// A pod that ends drains, whoever ends it: it goes on for a moment, hands the homes of its seat over, and
// asks its sessions to reconnect, at its share of a budget that all pods know. Nobody coordinates that.
//
// The life of a session: Accept → Receive(auth) → Tokens.Verify → Homes.Register → welcome →
// Receive(resume) → Messages.Sync → resumed → live frames → close code.
package gateway
