// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"encoding/binary"
	"time"
)

// maxJunk is how much may lie before the first frame, beside a tag.
const maxJunk = 16 << 10

// frame of MPEG audio.
type frame struct {
	bytes   int64
	samples uint64
	rate    uint64
	side    int // bytes between the header and where an encoder leaves its notes
}

// mp3Duration adds up frames, or believes the encoder's note of how many there are.
func mp3Duration(c *cursor) time.Duration {
	at, first, ok := firstFrame(c, tagLength(c), mp3Frame)
	if !ok {
		return 0
	}
	if frames, ok := notedFrames(c, at, first); ok {
		return span(frames*first.samples, first.rate)
	}
	return addFrames(c, at, mp3Frame)
}

// aacDuration adds up frames, of which each stands for itself.
func aacDuration(c *cursor) time.Duration {
	at, _, ok := firstFrame(c, tagLength(c), aacFrame)
	if !ok {
		return 0
	}
	return addFrames(c, at, aacFrame)
}

// tagLength is the length of an ID3v2 tag at the begin.
func tagLength(c *cursor) int64 {
	head, ok := c.bytes(0, 10)
	if !ok || string(head[:3]) != "ID3" {
		return 0
	}
	length := int64(10)
	for i, b := range head[6:] {
		length += int64(b&0x7f) << (7 * (3 - i))
	}
	if head[5]&0x10 != 0 { // a footer
		length += 10
	}
	return length
}

// firstFrame finds a frame that another follows.
func firstFrame(c *cursor, from int64, parse func(*cursor, int64) (frame, bool)) (at int64, f frame, ok bool) {
	for at = from; at < from+maxJunk; at++ {
		if f, ok = parse(c, at); !ok {
			continue
		}
		if _, next := parse(c, at+f.bytes); next || at+f.bytes == c.size {
			return at, f, true
		}
	}
	return 0, frame{}, false
}

// addFrames goes from frame to frame, to the end or to what is none.
func addFrames(c *cursor, at int64, parse func(*cursor, int64) (frame, bool)) time.Duration {
	var samples, rate uint64
	for range maxElements {
		f, ok := parse(c, at)
		if !ok || rate != 0 && f.rate != rate {
			break
		}
		rate = f.rate
		samples += f.samples
		at += f.bytes
	}
	return span(samples, rate)
}

// mp3Frame reads the header of a frame (ISO 11172-3 and 13818-3, section 2.4.1.3). Layer III only.
func mp3Frame(c *cursor, at int64) (frame, bool) {
	h, ok := c.bytes(at, 4)
	if !ok || h[0] != 0xff || h[1]&0xe0 != 0xe0 || h[1]>>1&3 != 1 {
		return frame{}, false
	}
	version, bitrate, rate := h[1]>>3&3, h[2]>>4, h[2]>>2&3
	if version == 1 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return frame{}, false
	}
	mono := h[3]>>6 == 3
	kbits := [16]int64{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	f := frame{rate: [3]uint64{44100, 48000, 32000}[rate], samples: 1152, side: 32}
	if mono {
		f.side = 17
	}
	if version != 3 { // MPEG 2, and 2.5 for 0
		kbits = [16]int64{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
		f.rate, f.samples, f.side = f.rate/2, 576, 17
		if mono {
			f.side = 9
		}
	}
	if version == 0 {
		f.rate /= 2
	}
	padding := int64(h[2] >> 1 & 1)
	f.bytes = int64(f.samples)/8*1000*kbits[bitrate]/int64(f.rate) + padding //nolint:gosec // small numbers
	return f, true
}

// notedFrames is the count of frames in the note of an encoder (Xing, Info or VBRI) in the first one.
func notedFrames(c *cursor, at int64, f frame) (uint64, bool) {
	if note, ok := c.bytes(at+4+int64(f.side), 12); ok && (string(note[:4]) == "Xing" || string(note[:4]) == "Info") && note[7]&1 != 0 {
		return uint64(binary.BigEndian.Uint32(note[8:])), true
	}
	if note, ok := c.bytes(at+4+32, 18); ok && string(note[:4]) == "VBRI" {
		return uint64(binary.BigEndian.Uint32(note[14:])), true
	}
	return 0, false
}

// aacFrame reads an ADTS header (ISO 13818-7, section 6.2).
func aacFrame(c *cursor, at int64) (frame, bool) {
	h, ok := c.bytes(at, 7)
	if !ok || h[0] != 0xff || h[1]&0xf6 != 0xf0 {
		return frame{}, false
	}
	rates := [16]uint64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	f := frame{
		rate:    rates[h[2]>>2&15],
		samples: 1024 * (uint64(h[6]&3) + 1),
		bytes:   int64(h[3]&3)<<11 | int64(h[4])<<3 | int64(h[5]>>5),
	}
	return f, f.rate > 0 && f.bytes >= 7
}
