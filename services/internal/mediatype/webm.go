// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

// Elements of WebM (RFC 9559, section 5).
const (
	webmSegment     = 0x18538067
	webmInfo        = 0x1549A966
	webmScale       = 0x2AD7B1
	webmDurationID  = 0x4489
	webmCluster     = 0x1F43B675
	webmClusterTime = 0xE7
	webmGroup       = 0xA0
	webmBlock       = 0xA1
	webmSimpleBlock = 0xA3
)

// webm is what was seen of a file.
type webm struct {
	scale   uint64  // ns of a tick
	told    float64 // ticks
	cluster uint64  // ticks
	last    uint64  // ticks
}

// webmDuration is what the file says, or else the time of its last block: browsers record without saying.
func webmDuration(c *cursor) time.Duration {
	w := webm{scale: 1_000_000}
	for at, n := int64(0), 0; n < maxElements; n++ {
		id, length, size, ok := webmElement(c, at)
		if !ok {
			break
		}
		at += length
		switch id {
		case webmSegment, webmInfo, webmCluster, webmGroup:
			continue // go in
		}
		if size < 0 {
			break // only those above may be of unknown size
		}
		w.note(c, id, at, size)
		if w.told > 0 {
			break
		}
		at += size
	}
	ticks := w.told
	if ticks <= 0 {
		ticks = float64(w.last)
	}
	if d := ticks * float64(w.scale); d > 0 && d < float64(maxDuration) {
		return time.Duration(d)
	}
	return 0
}

// note takes what is needed from one element.
func (w *webm) note(c *cursor, id uint32, at, size int64) {
	switch id {
	case webmScale:
		if scale, ok := webmNumber(c, at, size); ok {
			w.scale = scale
		}
	case webmDurationID:
		if number, ok := webmNumber(c, at, size); ok && size == 8 {
			w.told = math.Float64frombits(number)
		} else if ok && size == 4 {
			w.told = float64(math.Float32frombits(uint32(number))) //nolint:gosec // four bytes
		}
	case webmClusterTime:
		if ticks, ok := webmNumber(c, at, size); ok {
			w.cluster = ticks
		}
	case webmBlock, webmSimpleBlock:
		track, ok := c.bytes(at, 1)
		if !ok {
			return
		}
		// The number of the track, and then two bytes of time after that of the cluster.
		offset, ok := c.bytes(at+int64(bits.LeadingZeros8(track[0]))+1, 2)
		if ok {
			relative := int64(int16(binary.BigEndian.Uint16(offset))) //nolint:gosec // signed by the format
			w.last = max(w.last, w.cluster+uint64(max(0, relative)))
		}
	}
}

// webmElement reads the head of an element: its id, how long the head is, and the size of what follows,
// negative if that is not known.
func webmElement(c *cursor, at int64) (id uint32, length, size int64, ok bool) {
	first, ok := c.bytes(at, 1)
	if !ok {
		return 0, 0, 0, false
	}
	idBytes := bits.LeadingZeros8(first[0]) + 1
	text, ok := c.bytes(at, idBytes)
	if !ok || idBytes > 4 {
		return 0, 0, 0, false
	}
	for _, b := range text {
		id = id<<8 | uint32(b)
	}
	first, ok = c.bytes(at+int64(idBytes), 1)
	if !ok {
		return 0, 0, 0, false
	}
	sizeBytes := bits.LeadingZeros8(first[0]) + 1
	text, ok = c.bytes(at+int64(idBytes), sizeBytes)
	if !ok || sizeBytes > 8 {
		return 0, 0, 0, false
	}
	unknown := true
	for i, b := range text {
		if i == 0 {
			b &= 0xff >> sizeBytes
			unknown = b == 0xff>>sizeBytes
		} else {
			unknown = unknown && b == 0xff
		}
		size = size<<8 | int64(b)
	}
	if unknown {
		size = -1
	}
	return id, int64(idBytes + sizeBytes), size, true
}

// webmNumber reads up to eight bytes.
func webmNumber(c *cursor, at, size int64) (number uint64, ok bool) {
	if size < 1 || size > 8 {
		return 0, false
	}
	text, ok := c.bytes(at, int(size))
	for _, b := range text {
		number = number<<8 | uint64(b)
	}
	return number, ok
}
