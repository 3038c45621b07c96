// SPDX-License-Identifier: Apache-2.0

// Package picture looks into pictures that strangers send, and makes smaller ones.
//
// A picture is measured before anything of it is decoded: what would need too much memory or time, here or
// in a browser, is refused by its header. Smaller pictures are drawn anew and hold nothing but pixels: no
// place, no camera, no text. Only the decoders of the standard library touch pixels; of WebP, the header is
// read and nothing else.
package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Types of pictures.
const (
	PNG  = "image/png"
	JPEG = "image/jpeg"
	GIF  = "image/gif"
	WebP = "image/webp"
)

// Bounds of pictures. Frames are those of an animation: each costs who looks at it a decoded picture.
const (
	MaxPixels      = 25_000_000
	maxSide        = 65_535 // what JPEG and GIF can say
	maxFrames      = 1000   // chosen; no evidence
	maxFramePixels = 20 * MaxPixels
)

// Errors about a picture.
var (
	// ErrUnfit: it is no picture, or a broken one.
	ErrUnfit = errors.New("not a picture that can be read")
	// ErrTooLarge: it has more than MaxPixels, or its animation has too much of them.
	ErrTooLarge = errors.New("the picture has too many pixels")
)

// Header is what is known of a picture before it is decoded.
type Header struct {
	Type          string
	Width, Height int // in pixels, as it is shown: turned as its Exif data say
	Frames        int // of an animation; 1 for a picture that stands still
	orientation   int // 1 to 8, as of Exif
	cost          int64
}

// Inspect reads as much of a picture as it takes to measure it: the begin, or for what may be animated all
// of it. ErrUnfit, ErrTooLarge, or an error of r.
func Inspect(r io.Reader) (Header, error) {
	s := &stream{r: bufio.NewReaderSize(r, 32<<10)}
	magic, _ := s.r.Peek(12) // fewer are no picture
	h := Header{Frames: 1, orientation: 1}
	var err error
	switch {
	case bytes.HasPrefix(magic, []byte("\x89PNG\r\n\x1a\n")):
		h.Type, err = PNG, h.png(s)
	case bytes.HasPrefix(magic, []byte("\xff\xd8\xff")):
		h.Type, err = JPEG, h.jpeg(s)
	case bytes.HasPrefix(magic, []byte("GIF87a")), bytes.HasPrefix(magic, []byte("GIF89a")):
		h.Type, err = GIF, h.gif(s)
	case len(magic) == 12 && string(magic[:4]) == "RIFF" && string(magic[8:]) == "WEBP":
		h.Type, err = WebP, h.webp(s)
	default:
		err = fmt.Errorf("%w: neither png, jpeg, gif nor webp", ErrUnfit)
	}
	if s.err != nil {
		return Header{}, s.err
	}
	if err != nil {
		return Header{}, err
	}
	if h.orientation > 4 { // turned by a quarter
		h.Width, h.Height = h.Height, h.Width
	}
	return h, nil
}

// measure checks the size of the whole picture.
func (h *Header) measure(width, height int) error {
	if width < 1 || height < 1 {
		return fmt.Errorf("%w: %d by %d", ErrUnfit, width, height)
	}
	if width > maxSide || height > maxSide || width*height > MaxPixels {
		return fmt.Errorf("%w: %d by %d", ErrTooLarge, width, height)
	}
	h.Width, h.Height = width, height
	return nil
}

// pixels of the whole picture.
func (h *Header) pixels() int64 { return int64(h.Width) * int64(h.Height) }

// animation adds up the frames of one picture.
type animation struct {
	frames int
	pixels int64
}

// add takes the size of one more frame, which lies inside the picture.
func (a *animation) add(h *Header, width, height int) error {
	if width < 0 || height < 0 || width > h.Width || height > h.Height {
		return fmt.Errorf("%w: a frame of %d by %d", ErrUnfit, width, height)
	}
	a.frames++
	a.pixels += int64(width) * int64(height)
	if a.frames > maxFrames || a.pixels > maxFramePixels {
		return fmt.Errorf("%w in %d frames", ErrTooLarge, a.frames)
	}
	return nil
}

// stream reads forward. Its end is a broken picture; other errors are kept, since they are none of it.
type stream struct {
	r   *bufio.Reader
	err error
}

// take reads n bytes.
func (s *stream) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(s.r, b)
	return b, s.broken(err)
}

// skip leaves n bytes out.
func (s *stream) skip(n int64) error {
	_, err := io.CopyN(io.Discard, s.r, n)
	return s.broken(err)
}

// ended tells whether there is no more; an error of the reader comes up at the next take.
func (s *stream) ended() bool {
	_, err := s.r.Peek(1)
	return errors.Is(err, io.EOF)
}

func (s *stream) broken(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return fmt.Errorf("%w: it breaks off", ErrUnfit)
}
