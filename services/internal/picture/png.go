// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"encoding/binary"
	"fmt"
)

// maxChunks of a PNG or a WebP: pixels may come in many.
const maxChunks = 1 << 18

// png reads all chunks, since frames and Exif data may come late.
func (h *Header) png(s *stream) error {
	if err := s.skip(8); err != nil {
		return err
	}
	var frames animation
	for i := range maxChunks {
		head, err := s.take(8)
		if err != nil {
			return err
		}
		length, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if (kind == "IHDR") != (i == 0) || length > 1<<31-1 {
			return fmt.Errorf("%w: chunk %q of %d bytes", ErrUnfit, kind, length)
		}
		switch kind {
		case "IHDR":
			err = h.pngHeader(s, &length)
		case "fcTL":
			err = h.pngFrame(s, &length, &frames)
		case "eXIf":
			err = h.exif(s, &length)
		case "IEND":
			h.Frames = max(1, frames.frames)
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.skip(length + 4); err != nil { // and the sum
			return err
		}
	}
	return fmt.Errorf("%w: more than %d chunks", ErrUnfit, maxChunks)
}

// pngHeader reads the size, and what a pixel takes once it is decoded.
func (h *Header) pngHeader(s *stream, length *int64) error {
	if *length != 13 {
		return fmt.Errorf("%w: a header of %d bytes", ErrUnfit, *length)
	}
	b, err := s.take(13)
	if err != nil {
		return err
	}
	*length = 0
	if binary.BigEndian.Uint32(b) > maxSide || binary.BigEndian.Uint32(b[4:]) > maxSide {
		return fmt.Errorf("%w: a side longer than %d", ErrTooLarge, maxSide)
	}
	if err := h.measure(int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:]))); err != nil {
		return err
	}
	depth, color, interlaced := b[8], b[9], b[12] != 0
	bytes := int64(4)
	switch {
	case color == 3 || color == 0 && depth <= 8: // palette, gray
		bytes = 1
		if color == 0 {
			bytes = 4 // with a transparent gray it becomes colors
		}
	case depth == 16:
		bytes = 8
	}
	h.cost = bytes * h.pixels()
	if interlaced {
		h.cost += h.cost / 2 // the last pass is half of the picture
	}
	return nil
}

// pngFrame reads the size of a frame of an animation.
func (h *Header) pngFrame(s *stream, length *int64, frames *animation) error {
	if *length != 26 {
		return fmt.Errorf("%w: control of a frame in %d bytes", ErrUnfit, *length)
	}
	b, err := s.take(12)
	if err != nil {
		return err
	}
	*length -= 12
	width, height := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	return frames.add(h, int(min(width, 1<<30)), int(min(height, 1<<30)))
}

// exif reads a chunk that says how to turn the picture.
func (h *Header) exif(s *stream, length *int64) error {
	if *length > maxExifBytes {
		return nil
	}
	b, err := s.take(int(*length))
	*length = 0
	h.orientation = orientation(b)
	return err
}
