// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"encoding/binary"
	"time"
)

// maxChunks of a RIFF file before its samples; usually there are two.
const maxChunks = 64

// wavDuration is the length of the chunk of samples by the bytes of a second.
func wavDuration(c *cursor) time.Duration {
	at := int64(12) // behind RIFF, length and WAVE
	var bytesPerSecond uint32
	for range maxChunks {
		head, ok := c.bytes(at, 8)
		if !ok {
			return 0
		}
		name, length := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		at += 8
		switch name {
		case "fmt ":
			format, ok := c.bytes(at, 16)
			if !ok {
				return 0
			}
			bytesPerSecond = binary.LittleEndian.Uint32(format[8:])
		case "data":
			// Who writes while it records does not know the length, and leaves 0 or the largest number.
			if rest := c.size - at; length == 0 || length > rest {
				length = rest
			}
			return span(uint64(length), uint64(bytesPerSecond)) //nolint:gosec // not negative
		}
		at += length + length%2
	}
	return 0
}
