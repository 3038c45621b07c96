// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"bytes"
	"encoding/binary"
	"time"
)

// oggPage is the length of a page's header without its table of segments (RFC 3533, section 6).
const oggPage = 27

// oggTail is where the last page must begin: a page is shorter.
const oggTail = 65_307

// opusRate is that of the positions of Opus, whatever was recorded (RFC 7845, section 4).
const opusRate = 48_000

// oggDuration is the position of the last page, less what is skipped at the begin.
func oggDuration(c *cursor) time.Duration {
	head, ok := c.bytes(0, oggPage)
	if !ok || string(head[:4]) != "OggS" {
		return 0
	}
	serial := binary.LittleEndian.Uint32(head[14:])
	rate, skipped := oggCodec(c, oggPage+int64(head[26]))
	last, ok := oggLast(c, serial)
	if !ok || last < skipped {
		return 0
	}
	return span(last-skipped, rate)
}

// oggCodec reads the first packet.
func oggCodec(c *cursor, at int64) (rate, skipped uint64) {
	if id, ok := c.bytes(at, 12); ok && string(id[:8]) == "OpusHead" {
		return opusRate, uint64(binary.LittleEndian.Uint16(id[10:]))
	}
	if id, ok := c.bytes(at, 16); ok && string(id[:7]) == "\x01vorbis" {
		return uint64(binary.LittleEndian.Uint32(id[12:])), 0
	}
	if id, ok := c.bytes(at, 40); ok && string(id[:8]) == "Speex   " {
		return uint64(binary.LittleEndian.Uint32(id[36:])), 0
	}
	return 0, 0
}

// oggLast looks from the end for the last page of a stream that ends a packet.
func oggLast(c *cursor, serial uint32) (position uint64, ok bool) {
	const step = windowBytes - oggPage
	for end := c.size; end > max(0, c.size-oggTail); {
		from := max(0, end-step)
		text, ok := c.bytes(from, int(min(windowBytes, c.size-from)))
		if !ok {
			return 0, false
		}
		for i := bytes.LastIndex(text, []byte("OggS")); i >= 0; i = bytes.LastIndex(text[:i], []byte("OggS")) {
			if i+oggPage > len(text) || binary.LittleEndian.Uint32(text[i+14:]) != serial {
				continue
			}
			if position = binary.LittleEndian.Uint64(text[i+6:]); position != 1<<64-1 {
				return position, true
			}
		}
		end = from
	}
	return 0, false
}
