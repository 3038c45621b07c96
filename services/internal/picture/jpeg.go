// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxSegments before the size of a JPEG; long profiles take dozens.
const maxSegments = 4096

// Markers of JPEG (ITU T.81, table B.1).
const (
	jpegStart     = 0xd8
	jpegScan      = 0xda
	jpegEnd       = 0xd9
	jpegExif      = 0xe1
	jpegRestart0  = 0xd0
	jpegRestart7  = 0xd7
	jpegTemporary = 0x01
)

// jpeg reads segments up to the one that has the size. Exif data come before it.
func (h *Header) jpeg(s *stream) error {
	if err := s.skip(2); err != nil {
		return err
	}
	for range maxSegments {
		marker, err := s.marker()
		if err != nil {
			return err
		}
		if marker == jpegTemporary || marker >= jpegRestart0 && marker <= jpegRestart7 {
			continue // without content
		}
		length, err := s.take(2)
		if err != nil {
			return err
		}
		rest := int(binary.BigEndian.Uint16(length)) - 2
		switch {
		case rest < 0, marker == jpegStart, marker == jpegScan, marker == jpegEnd:
			return fmt.Errorf("%w: no size before marker %#x", ErrUnfit, marker)
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return h.jpegFrame(s, marker, rest)
		case marker == jpegExif && h.orientation == 1:
			exif, err := s.take(rest)
			if err != nil {
				return err
			}
			if bytes.HasPrefix(exif, []byte("Exif\x00\x00")) {
				h.orientation = orientation(exif)
			}
		default:
			if err := s.skip(int64(rest)); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: more than %d segments", ErrUnfit, maxSegments)
}

// marker reads the next one, and what fills the space before it.
func (s *stream) marker() (byte, error) {
	b, err := s.take(2)
	if err != nil {
		return 0, err
	}
	if b[0] != 0xff {
		return 0, fmt.Errorf("%w: %#x where a marker should be", ErrUnfit, b[0])
	}
	for b[1] == 0xff {
		next, err := s.take(1)
		if err != nil {
			return 0, err
		}
		b[1] = next[0]
	}
	return b[1], nil
}

// jpegFrame reads size and components of a frame. One that comes in several passes is held as coefficients,
// of four bytes each, until it is whole.
func (h *Header) jpegFrame(s *stream, marker byte, length int) error {
	if length < 6 {
		return fmt.Errorf("%w: a short frame", ErrUnfit)
	}
	frame, err := s.take(length)
	if err != nil {
		return err
	}
	components := int(frame[5])
	if marker > 0xc2 || components < 1 || components > 4 || length < 6+3*components {
		return fmt.Errorf("%w: JPEG of kind %#x with %d components", ErrUnfit, marker, components)
	}
	if err := h.measure(int(binary.BigEndian.Uint16(frame[3:])), int(binary.BigEndian.Uint16(frame[1:]))); err != nil {
		return err
	}
	samples := jpegSamples(frame[6:], components, h.pixels())
	h.cost = samples
	if marker == 0xc2 {
		h.cost += 4 * samples
	}
	if components == 4 {
		h.cost += 4 * h.pixels() // of which black is a part is put together
	}
	return nil
}

// jpegSamples counts the samples of all components, some of which may be coarser than the picture.
func jpegSamples(specs []byte, components int, pixels int64) int64 {
	var widest, highest, area int64 = 1, 1, 0
	for i := range components {
		across, down := int64(specs[3*i+1]>>4), int64(specs[3*i+1]&15)
		widest, highest, area = max(widest, across), max(highest, down), area+across*down
	}
	return min(int64(components)*pixels, pixels*max(1, area)/(widest*highest)+pixels/8) + 1<<16
}
