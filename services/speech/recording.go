// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Format is what a recording is.
type Format int

// The formats. AAC comes raw or in MP4.
const (
	UnknownFormat Format = iota
	WAV
	WebM
	Ogg
	MP4
	ADTS
	MP3
)

// Recording is speech as somebody recorded it.
type Recording struct {
	Format Format
	Bytes  []byte
}

// Sniff tells the format by the first bytes.
func Sniff(b []byte) Format {
	switch {
	case len(b) < 12:
		return UnknownFormat
	case bytes.HasPrefix(b, []byte("RIFF")) && string(b[8:12]) == "WAVE":
		return WAV
	case bytes.HasPrefix(b, []byte{0x1A, 0x45, 0xDF, 0xA3}):
		return WebM
	case bytes.HasPrefix(b, []byte("OggS")):
		return Ogg
	case string(b[4:8]) == "ftyp":
		return MP4
	case bytes.HasPrefix(b, []byte("ID3")):
		return MP3
	case b[0] == 0xFF && b[1]&0xF6 == 0xF0: // sync word of ADTS with layer 0
		return ADTS
	case b[0] == 0xFF && b[1]&0xE6 == 0xE2: // sync word of MPEG audio with layer III
		return MP3
	default:
		return UnknownFormat
	}
}

// What every provider takes.
const (
	// SampleRate of PCM, in Hz.
	SampleRate  = 16000
	sampleBytes = 2
	headerBytes = 44
)

// PCM is sound at SampleRate, mono, 16 bit, little-endian.
type PCM []byte

// Duration of the sound.
func (p PCM) Duration() time.Duration {
	return time.Duration(len(p)/sampleBytes) * time.Second / SampleRate
}

// Bytes that sound of a duration has.
func Bytes(d time.Duration) int { return int(d*SampleRate/time.Second) * sampleBytes }

// WAV is the sound as a file.
func (p PCM) WAV() []byte {
	size := uint32(len(p)) //nolint:gosec // far below 4 GiB: minutes of sound
	w := make([]byte, 0, headerBytes+len(p))
	w = append(w, "RIFF"...)
	w = binary.LittleEndian.AppendUint32(w, headerBytes-8+size)
	w = append(w, "WAVEfmt "...)
	w = binary.LittleEndian.AppendUint32(w, 16) // size of what describes PCM
	for _, v := range []uint16{1, 1} {          // PCM, mono
		w = binary.LittleEndian.AppendUint16(w, v)
	}
	w = binary.LittleEndian.AppendUint32(w, SampleRate)
	w = binary.LittleEndian.AppendUint32(w, SampleRate*sampleBytes)
	for _, v := range []uint16{sampleBytes, 8 * sampleBytes} {
		w = binary.LittleEndian.AppendUint16(w, v)
	}
	w = append(w, "data"...)
	w = binary.LittleEndian.AppendUint32(w, size)
	return append(w, p...)
}

// How a long sound is cut; chosen: a fifth of a second is a pause between words.
const (
	quiet     = 200 * time.Millisecond
	quietStep = 50 * time.Millisecond
)

// Cut answers pieces of at most longest, cut in the quietest fifth of a second of each piece's last third;
// 0 is no limit. Together they are the sound.
func (p PCM) Cut(longest time.Duration) []PCM {
	limit := Bytes(longest)
	if limit <= 0 || len(p) <= limit {
		return []PCM{p}
	}
	var pieces []PCM
	for len(p) > limit {
		at := p.quietest(limit-limit/3, limit)
		pieces = append(pieces, p[:at])
		p = p[at:]
	}
	return append(pieces, p)
}

// quietest is the middle of the quietest window that lies between two offsets.
func (p PCM) quietest(from, to int) int {
	window, step := Bytes(quiet), Bytes(quietStep)
	from -= from % sampleBytes
	best, at := int64(-1), to-to%sampleBytes
	for start := from; start+window <= to; start += step {
		if e := p[start : start+window].energy(); best < 0 || e <= best {
			best, at = e, start+window/2
		}
	}
	return at - at%sampleBytes
}

func (p PCM) energy() int64 {
	var sum int64
	for i := 0; i+1 < len(p); i += sampleBytes {
		v := int64(int16(binary.LittleEndian.Uint16(p[i:]))) //nolint:gosec // samples are signed
		sum += v * v
	}
	return sum
}
