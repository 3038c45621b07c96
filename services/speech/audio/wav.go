// SPDX-License-Identifier: Apache-2.0

package audio

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/parley-chat/parley/services/speech"
)

// errCoded says that a WAV does not hold plain samples.
var errCoded = errors.New("the samples are coded")

// What a description of samples may say.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xFFFE
	minRate       = 4000
	maxRate       = 384_000
	maxChannels   = 32
	formatBytes   = 16 // of the description without extension
	subFormatAt   = 24 // in the description with extension
)

// layout describes samples.
type layout struct {
	tag      uint16
	channels int
	rate     int
	bits     int
}

// readWAV reads plain samples of any usual kind.
func readWAV(b []byte, longest time.Duration) (speech.PCM, error) {
	l, data, err := parse(b)
	if err != nil {
		return nil, err
	}
	frames := len(data) / (l.channels * l.bits / 8)
	if int64(frames) > int64(longest/time.Millisecond)*int64(l.rate)/1000 {
		return nil, speech.Unfit(speech.WhyTooLong)
	}
	return resample(l.mono(data, frames), l.rate), nil
}

// parse finds description and samples. A size that passes the end of the file means "to the end": who
// records does not know the size at the start.
func parse(b []byte) (layout, []byte, error) {
	var l layout
	for at := 12; at+8 <= len(b); {
		name, size := string(b[at:at+4]), int64(binary.LittleEndian.Uint32(b[at+4:]))
		body := b[at+8:]
		if size > int64(len(body)) {
			size = int64(len(body))
		}
		body = body[:size]
		switch name {
		case "fmt ":
			var err error
			if l, err = describe(body); err != nil {
				return l, nil, err
			}
		case "data":
			if l.rate == 0 {
				return l, nil, speech.Unfit(speech.WhyDamaged)
			}
			return l, body, nil
		}
		at += 8 + int(size+size%2)
	}
	return l, nil, speech.Unfit(speech.WhyDamaged)
}

func describe(b []byte) (layout, error) {
	if len(b) < formatBytes {
		return layout{}, speech.Unfit(speech.WhyDamaged)
	}
	l := layout{
		tag: binary.LittleEndian.Uint16(b), channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate: int(binary.LittleEndian.Uint32(b[4:])), bits: int(binary.LittleEndian.Uint16(b[14:])),
	}
	if l.tag == tagExtensible && len(b) >= subFormatAt+2 {
		l.tag = binary.LittleEndian.Uint16(b[subFormatAt:])
	}
	if l.channels < 1 || l.channels > maxChannels || l.rate < minRate || l.rate > maxRate {
		return layout{}, speech.Unfit(speech.WhyDamaged)
	}
	switch {
	case l.tag == tagPCM && (l.bits == 8 || l.bits == 16 || l.bits == 24 || l.bits == 32):
	case l.tag == tagFloat && (l.bits == 32 || l.bits == 64):
	case l.tag == tagPCM, l.tag == tagFloat:
		return layout{}, speech.Unfit(speech.WhyDamaged)
	default:
		return layout{}, errCoded
	}
	return l, nil
}

// mono is the mean of all channels, from -1 to 1.
func (l layout) mono(data []byte, frames int) []float32 {
	width := l.bits / 8
	out := make([]float32, frames)
	for i := range out {
		var sum float32
		for c := range l.channels {
			sum += l.sample(data[(i*l.channels+c)*width:])
		}
		out[i] = sum / float32(l.channels)
	}
	return out
}

// sample reads one value.
func (l layout) sample(b []byte) float32 {
	switch {
	case l.tag == tagFloat && l.bits == 64:
		return finite(float32(math.Float64frombits(binary.LittleEndian.Uint64(b))))
	case l.tag == tagFloat:
		return finite(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case l.bits == 8: // without sign
		return (float32(b[0]) - 128) / 128
	case l.bits == 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15) //nolint:gosec // samples are signed
	case l.bits == 24:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31) //nolint:gosec // samples are signed
	default:
		return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31) //nolint:gosec // samples are signed
	}
}

func finite(v float32) float32 {
	if v != v || v > 1e6 || v < -1e6 {
		return 0
	}
	return v
}
