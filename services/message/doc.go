// SPDX-License-Identifier: Apache-2.0

// Package message keeps conversations with the messages in them.
//
// It owns conversations, membership intervals, messages, read markers, history and sync, and it emits
// message.created, message.recalled, message.edited, message.reacted, message.hidden, message.transcribed,
// speech.requested, conversation.created, conversation.updated and marker.moved.
//
// The life of a send: Send checks the draft and puts it into the lane of its conversation. The lane
// takes what waits, up to 100 messages or 1 MiB, and gives it to Store.Append, which runs one
// transaction. In it, Decide settles every message of the batch on facts read under the locks of
// the conversations: a retry gets the first answer, a message is given the next seq, or it is
// refused. Only after the commit are the senders answered and the events published.
//
// A message may show a file of the file service instead of a text. The file is cited there before the
// transaction, so that it is kept; what the citation tells of it is stored with the message, and a table of
// files and messages answers who may read which. Where the file service is away such a message is refused,
// and texts go on. The text of a voice message is asked for by an event in the same transaction, and comes
// as a change.
//
// A change of a stored message, a recall or an edit, is a transaction of its own: DecideChange settles
// it under the lock of the conversation and gives it the next rev. The row of the message is its newest
// state; what an edit replaced stays as a version, what was recalled is gone.
//
// What it promises: an acknowledged message is in history exactly once at a fixed (conversation,
// seq), the seqs of a conversation are 1, 2, 3 … without holes, and so are the revs of its changes, and
// nobody reads anything outside the intervals in which they were a member.
package message
