// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"encoding/binary"
	"time"
)

// mp4Depth is how far boxes that matter lie inside one another.
const mp4Depth = 4

// mp4 is what was seen of a file (ISO 14496-12).
type mp4 struct {
	c        *cursor
	boxes    int           // seen, to be bounded
	told     time.Duration // by the header of the movie
	scale    uint64        // of the first track: units of a second
	trackID  uint32        // the first one
	usual    uint64        // units of a sample if nobody says otherwise
	fragment struct {      // the one that is read
		track  uint32
		sample uint64 // units
		begin  uint64 // units
		told   bool   // whether begin is
	}
	end uint64 // of the last fragment of the first track
}

// mp4Duration is what the movie says, or where its last fragment ends.
func mp4Duration(c *cursor) time.Duration {
	m := &mp4{c: c}
	m.walk(0, c.size, 0)
	if m.end > 0 {
		return max(m.told, span(m.end, m.scale))
	}
	return m.told
}

// walk reads the boxes of a stretch.
func (m *mp4) walk(at, end int64, depth int) {
	for at < end && m.boxes < maxElements {
		m.boxes++
		head, ok := m.c.bytes(at, 8)
		if !ok {
			return
		}
		kind, length, skip := string(head[4:]), int64(binary.BigEndian.Uint32(head)), int64(8)
		switch length {
		case 0: // to the end
			length = end - at
		case 1:
			long, ok := m.c.bytes(at+8, 8)
			if !ok {
				return
			}
			length, skip = int64(binary.BigEndian.Uint64(long)), 16 //nolint:gosec // checked below
		}
		if length < skip || length > end-at {
			return
		}
		m.box(kind, at+skip, at+length, depth)
		at += length
	}
}

func (m *mp4) box(kind string, at, end int64, depth int) {
	switch kind {
	case "moov", "trak", "mdia", "mvex", "moof":
		if depth < mp4Depth {
			m.walk(at, end, depth+1)
		}
	case "traf":
		m.fragment.track, m.fragment.told = 0, false
		if depth < mp4Depth {
			m.walk(at, end, depth+1)
		}
	case "mvhd":
		scale, length := m.header(at, end)
		m.told = span(length, scale)
	case "tkhd":
		if id, ok := m.number(at, end, versioned(m.first(at), 12, 20), 4); ok && m.trackID == 0 {
			m.trackID = uint32(id) //nolint:gosec // four bytes
		}
	case "mdhd":
		if scale, _ := m.header(at, end); m.scale == 0 {
			m.scale = scale
		}
	case "trex":
		if usual, ok := m.number(at, end, 12, 4); ok && m.usual == 0 {
			m.usual = usual
		}
	case "tfhd":
		m.fragmentHeader(at, end)
	case "tfdt":
		width := versioned(m.first(at), 4, 8)
		m.fragment.begin, m.fragment.told = m.number(at, end, 4, int(width))
	case "trun":
		m.run(at, end)
	}
}

// header reads scale and length of a movie or a medium.
func (m *mp4) header(at, end int64) (scale, length uint64) {
	version := m.first(at)
	scale, _ = m.number(at, end, versioned(version, 12, 20), 4)
	length, ok := m.number(at, end, versioned(version, 16, 24), int(versioned(version, 4, 8)))
	if !ok || length == 1<<32-1 || length == 1<<64-1 { // not known
		return scale, 0
	}
	return scale, length
}

// fragmentHeader says of which track a fragment is, and how long its samples are if they do not say.
func (m *mp4) fragmentHeader(at, end int64) {
	flags, _ := m.number(at, end, 0, 4)
	track, ok := m.number(at, end, 4, 4)
	if !ok {
		return
	}
	m.fragment.track, m.fragment.sample = uint32(track), m.usual //nolint:gosec // four bytes
	skip := int64(8)
	if flags&1 != 0 { // offset of the data
		skip += 8
	}
	if flags&2 != 0 { // description of the sample
		skip += 4
	}
	if flags&8 != 0 {
		if units, ok := m.number(at, end, skip, 4); ok {
			m.fragment.sample = units
		}
	}
}

// run adds the samples of a fragment.
func (m *mp4) run(at, end int64) {
	if m.fragment.track == 0 || m.fragment.track != m.trackID {
		return
	}
	flags, _ := m.number(at, end, 0, 4)
	count, ok := m.number(at, end, 4, 4)
	if !ok {
		return
	}
	begin := m.end
	if m.fragment.told {
		begin, m.fragment.told = m.fragment.begin, false // a second run follows the first
	}
	if flags&0x100 == 0 {
		m.end = max(m.end, begin+count*m.fragment.sample)
		return
	}
	skip, entry := int64(8), int64(0)
	for _, flag := range []uint64{1, 4} { // offset of the data, flags of the first sample
		if flags&flag != 0 {
			skip += 4
		}
	}
	for _, flag := range []uint64{0x100, 0x200, 0x400, 0x800} { // what is said of each sample: units first
		if flags&flag != 0 {
			entry += 4
		}
	}
	for range count {
		units, ok := m.number(at, end, skip, 4)
		if m.boxes++; !ok || m.boxes > maxElements {
			return
		}
		begin += units
		skip += entry
	}
	m.end = max(m.end, begin)
}

// first byte of a box: its version.
func (m *mp4) first(at int64) byte {
	if b, ok := m.c.bytes(at, 1); ok {
		return b[0]
	}
	return 0
}

func versioned(version byte, zero, one int64) int64 {
	if version == 1 {
		return one
	}
	return zero
}

// number of four or eight bytes inside a box.
func (m *mp4) number(at, end, skip int64, width int) (uint64, bool) {
	if at+skip+int64(width) > end {
		return 0, false
	}
	b, ok := m.c.bytes(at+skip, width)
	if !ok {
		return 0, false
	}
	if width == 8 {
		return binary.BigEndian.Uint64(b), true
	}
	return uint64(binary.BigEndian.Uint32(b)), true
}
