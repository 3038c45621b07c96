// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"encoding/binary"
	"fmt"
)

// Parts of a GIF.
const (
	gifExtension = 0x21
	gifFrame     = 0x2c
	gifEnd       = 0x3b
)

// gif reads all parts and counts the frames.
func (h *Header) gif(s *stream) error {
	b, err := s.take(13)
	if err != nil {
		return err
	}
	if err := h.measure(int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:]))); err != nil {
		return err
	}
	h.cost = h.pixels()
	if err := s.skip(gifColors(b[10])); err != nil {
		return err
	}
	var frames animation
	for range maxChunks {
		if s.ended() && frames.frames > 0 { // many lack the part that says so
			h.Frames = frames.frames
			return nil
		}
		kind, err := s.take(1)
		if err != nil {
			return err
		}
		switch kind[0] {
		case gifExtension:
			err = s.skip(1)
		case gifFrame:
			err = h.gifFrame(s, &frames)
		case gifEnd:
			if h.Frames = frames.frames; h.Frames == 0 {
				return fmt.Errorf("%w: no frames", ErrUnfit)
			}
			return nil
		default:
			err = fmt.Errorf("%w: part %#x", ErrUnfit, kind[0])
		}
		if err == nil {
			err = s.skipBlocks()
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: more than %d parts", ErrUnfit, maxChunks)
}

func (h *Header) gifFrame(s *stream, frames *animation) error {
	b, err := s.take(9)
	if err != nil {
		return err
	}
	if err := frames.add(h, int(binary.LittleEndian.Uint16(b[4:])), int(binary.LittleEndian.Uint16(b[6:]))); err != nil {
		return err
	}
	return s.skip(gifColors(b[8]) + 1) // and the width of a code
}

// gifColors is the length of a table of colors.
func gifColors(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipBlocks leaves blocks out up to an empty one.
func (s *stream) skipBlocks() error {
	for {
		length, err := s.take(1)
		if err != nil {
			return err
		}
		if length[0] == 0 {
			return nil
		}
		if err := s.skip(int64(length[0])); err != nil {
			return err
		}
	}
}
