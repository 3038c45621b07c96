// SPDX-License-Identifier: Apache-2.0

// Package websocket is the door through which sessions come in.
//
// The handler checks origin, subprotocol and admission before it takes the connection over. One reader
// goroutine stays per connection; frames are written by the session's own flusher, many in one system
// call, and control frames between them under the same lock. Limits on size and fragments are checked
// on the header of a frame, before anything is allocated for it.
package websocket
