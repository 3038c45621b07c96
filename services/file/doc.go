// SPDX-License-Identifier: Apache-2.0

// Package file keeps what people upload: pictures, voice messages and anything else.
//
// It owns uploads, files and who shows them. It promises:
//
//   - A file is what was announced: CompleteUpload reads back what the store holds and compares size,
//     SHA-256, type and, for pictures and recordings, form. Before that nobody can show it.
//   - What was checked stays: a row leads to one write at a time, each note of which says where it stood before,
//     and is completed as it stood when it was checked. Bytes that others send, or that come late, are never
//     part of the blob.
//   - No more than the quota comes from one person in a day, whatever runs at once: it is taken in the
//     transaction that makes the upload.
//   - A file lives while something shows it. Whoever shows one cites it before its own commit; a citation
//     whose holder is gone is found by asking the holder. Bytes are removed only after a transaction has
//     seen that no citation is there, and has closed the file for new ones.
//   - A link is for one caller and 60 seconds, and serves bytes that were checked. Bytes that changed in the
//     store are reported and never served as a whole.
//
// The row of an upload is there before its bytes and goes after them, so that no bytes are ever forgotten.
package file
