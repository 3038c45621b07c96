// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"encoding/binary"

	"github.com/parley-chat/parley/services/gateway"
)

// maxFragments of one message (chosen; honest clients send one).
const maxFragments = 16

// guard follows the frame headers in the bytes that arrive, before the library sees them: the library
// checks neither the number of fragments nor a length against a limit that changes. It knows nothing
// else of the protocol; what it does not understand the library refuses.
type guard struct {
	limit     func() int // largest message in bytes, now
	header    [14]byte
	have      int    // bytes of header so far
	payload   uint64 // bytes of the frame that are still to come
	fragments int
	size      uint64 // of the message so far
}

// observe looks at bytes in the order of the stream; it answers the code to close with, or 0.
func (g *guard) observe(p []byte) gateway.CloseCode {
	for len(p) > 0 {
		if g.payload > 0 {
			n := min(g.payload, uint64(len(p)))
			g.payload -= n
			p = p[n:]
			continue
		}
		g.header[g.have] = p[0]
		g.have++
		p = p[1:]
		if g.have >= 2 && g.have == g.headerLength() {
			if code := g.begin(); code != 0 {
				return code
			}
		}
	}
	return 0
}

// headerLength is 2 bytes, the extended length, and the mask if there is one.
func (g *guard) headerLength() int {
	n := 2
	switch g.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if g.header[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// begin handles a complete header.
func (g *guard) begin() gateway.CloseCode {
	opcode, final := g.header[0]&0x0f, g.header[0]&0x80 != 0
	length := uint64(g.header[1] & 0x7f)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(g.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(g.header[2:])
	}
	g.have, g.payload = 0, length
	limit := uint64(g.limit()) //nolint:gosec // a limit is positive
	if length > limit {
		return gateway.CloseFrameTooBig
	}
	if opcode >= 8 {
		return 0
	}
	if opcode != 0 {
		g.fragments, g.size = 0, 0
	}
	g.fragments++
	g.size += length
	switch {
	case g.size > limit:
		return gateway.CloseFrameTooBig
	case g.fragments > maxFragments:
		return gateway.CloseBadFrame
	case final:
		g.fragments, g.size = 0, 0
	}
	return 0
}
