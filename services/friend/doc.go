// SPDX-License-Identifier: Apache-2.0

// Package friend keeps who is whose friend.
//
// It owns relations, friendships, the requests that lead to them and blocks, and tells the message
// service which pairs may talk. It emits friend.requested, friend.responded, friend.cancelled,
// friend.removed and friend.updated. It promises:
//
//   - A pair is one friendship or none, whoever asks whom at the same moment: every change of a pair
//     takes the lock of its one relation first.
//   - Every change of a friendship raises the relation's version and marks it for the hand-over to the
//     message service in one transaction. The hand-over is tried at once and then each second until it
//     is done; it may be repeated, and an older version changes nothing there.
//   - Whoever blocks somebody is no friend of theirs, and sees none of their requests. The other side
//     sees a removal, and answers to its requests as usual.
//   - An acceptance is answered when it is stored, a removal when the conversation is closed too.
//
// A request expires thirty days after it was made. That is worked out when it is read; the row learns
// of it when something else changes the pair.
package friend
