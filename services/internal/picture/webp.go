// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"encoding/binary"
	"fmt"
)

// webp reads the size out of the first chunk, and frames and Exif data of the extended format (RFC 9649).
func (h *Header) webp(s *stream) error {
	if err := s.skip(12); err != nil {
		return err
	}
	kind, length, err := s.webpChunk()
	if err != nil {
		return err
	}
	switch kind {
	case "VP8 ", "VP8L":
		width, height, err := s.webpBitstream(kind, &length)
		if err != nil {
			return err
		}
		return h.measure(width, height)
	case "VP8X":
		return h.webpExtended(s, length)
	default:
		return fmt.Errorf("%w: first chunk %q", ErrUnfit, kind)
	}
}

// webpChunk reads the head of a chunk; the length is as it is stored, even.
func (s *stream) webpChunk() (kind string, length int64, err error) {
	b, err := s.take(8)
	if err != nil {
		return "", 0, err
	}
	length = int64(binary.LittleEndian.Uint32(b[4:]))
	return string(b[:4]), length + length%2, nil
}

// webpBitstream reads the size out of pixels, lossy (RFC 6386, section 9.1) or not.
func (s *stream) webpBitstream(kind string, length *int64) (width, height int, err error) {
	need := 10
	if kind == "VP8L" {
		need = 5
	}
	if *length < int64(need) {
		return 0, 0, fmt.Errorf("%w: %q of %d bytes", ErrUnfit, kind, *length)
	}
	b, err := s.take(need)
	if err != nil {
		return 0, 0, err
	}
	*length -= int64(need)
	if kind == "VP8L" {
		if b[0] != 0x2f {
			return 0, 0, fmt.Errorf("%w: mark %#x", ErrUnfit, b[0])
		}
		both := binary.LittleEndian.Uint32(b[1:])
		return int(both&0x3fff) + 1, int(both>>14&0x3fff) + 1, nil
	}
	if b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, fmt.Errorf("%w: no key frame", ErrUnfit)
	}
	return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff), nil
}

// webpExtended reads a picture that may be animated, to its end.
func (h *Header) webpExtended(s *stream, length int64) error {
	if length < 10 {
		return fmt.Errorf("%w: a head of %d bytes", ErrUnfit, length)
	}
	b, err := s.take(10)
	if err != nil {
		return err
	}
	if err := h.measure(uint24(b[4:])+1, uint24(b[7:])+1); err != nil {
		return err
	}
	if err := s.skip(length - 10); err != nil {
		return err
	}
	var frames animation
	still := false
	for range maxChunks {
		if s.ended() && (still || frames.frames > 0) {
			break
		}
		kind, length, err := s.webpChunk()
		if err != nil {
			return err
		}
		switch kind {
		case "VP8 ", "VP8L":
			var width, height int
			if width, height, err = s.webpBitstream(kind, &length); err == nil && (width != h.Width || height != h.Height) {
				err = fmt.Errorf("%w: %d by %d inside of another size", ErrUnfit, width, height)
			}
			still = true
		case "ANMF":
			err = h.webpFrame(s, &length, &frames)
		case "EXIF":
			err = h.exif(s, &length)
		}
		if err == nil {
			err = s.skip(length)
		}
		if err != nil {
			return err
		}
	}
	h.Frames = max(1, frames.frames)
	return nil
}

// webpFrame reads the size of a frame.
func (h *Header) webpFrame(s *stream, length *int64, frames *animation) error {
	if *length < 16 {
		return fmt.Errorf("%w: a frame of %d bytes", ErrUnfit, *length)
	}
	b, err := s.take(16)
	if err != nil {
		return err
	}
	*length -= 16
	return frames.add(h, uint24(b[6:])+1, uint24(b[9:])+1)
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
