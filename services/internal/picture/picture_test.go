// SPDX-License-Identifier: Apache-2.0

package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"testing"
	"testing/iotest"

	"github.com/parley-chat/parley/services/internal/picture"
)

// quarters is a picture whose corners have colors of their own: red and green above, blue and white below.
func quarters(width, height int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{R: 255, A: 255}
			switch {
			case y >= height/2 && x >= width/2:
				c = color.RGBA{R: 255, G: 255, B: 255, A: 255}
			case y >= height/2:
				c = color.RGBA{B: 255, A: 255}
			case x >= width/2:
				c = color.RGBA{G: 255, A: 255}
			}
			p.SetRGBA(x, y, c)
		}
	}
	return p
}

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := encode(&text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func pngOf(t testing.TB, p image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, p) })
}

func jpegOf(t testing.TB, p image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, p, nil) })
}

func gifOf(t testing.TB, frames int, size image.Point) []byte {
	t.Helper()
	palette := color.Palette{color.Black, color.White}
	g := &gif.GIF{Config: image.Config{Width: size.X, Height: size.Y, ColorModel: palette}}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, min(size.X, 10), min(size.Y, 10)), palette))
		g.Delay = append(g.Delay, 1)
	}
	return encoded(t, func(w io.Writer) error { return gif.EncodeAll(w, g) })
}

// exif data that say how to turn a picture, and where it was taken.
func exif(orientation uint16) []byte {
	b := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x02")
	b = append(b, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(orientation>>8), byte(orientation), 0, 0)
	b = append(b, 0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38)
	return append(b, "\x00\x00\x00\x00GPS 39.9042 N 116.4074 E"...)
}

// withExif puts exif data into a JPEG or a PNG.
func withExif(content, exif []byte) []byte {
	if content[0] == 0xff {
		segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
		return bytes.Join([][]byte{content[:2], segment, exif, content[2:]}, nil)
	}
	const head = 8 + 8 + 13 + 4
	return bytes.Join([][]byte{content[:head], chunk("eXIf", exif[6:]), content[head:]}, nil)
}

// chunk of a PNG.
func chunk(kind string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, kind...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// header of a PNG of a size, without pixels.
func header(width, height uint32, more ...[]byte) []byte {
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(size, 8, 2, 0, 0, 0))...)
	return append(append(b, bytes.Join(more, nil)...), chunk("IEND", nil)...)
}

// frames of an animated PNG.
func frames(n int, width, height uint32) []byte {
	control := binary.BigEndian.AppendUint32(make([]byte, 4), width)
	control = binary.BigEndian.AppendUint32(control, height)
	return bytes.Repeat(chunk("fcTL", append(control, make([]byte, 14)...)), n)
}

// webpOf chunks.
func webpOf(chunks ...[]byte) []byte {
	content := bytes.Join(chunks, nil)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(content)+4))
	return append(append(b, "WEBP"...), content...)
}

func riff(kind string, content []byte) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(content))), content...)
	return append(b, make([]byte, len(content)%2)...)
}

func uint24(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

func lossy(width, height int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0x10, 0, 0, 0x9d, 1, 0x2a}, uint16(width))
	return riff("VP8 ", append(binary.LittleEndian.AppendUint16(b, uint16(height)), 1, 2, 3))
}

func lossless(width, height int) []byte {
	return riff("VP8L", append(binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(width-1)|uint32(height-1)<<14), 1, 2))
}

func extended(width, height int) []byte {
	return riff("VP8X", append(append(make([]byte, 4), uint24(width-1)...), uint24(height-1)...))
}

func animated(n, width, height int) []byte {
	return bytes.Repeat(riff("ANMF", append(append(append(make([]byte, 6), uint24(width-1)...), uint24(height-1)...), make([]byte, 12)...)), n)
}

// good pictures.
func good(t testing.TB) map[string]struct {
	content []byte
	want    picture.Header
} {
	return map[string]struct {
		content []byte
		want    picture.Header
	}{
		"png":                 {pngOf(t, quarters(30, 20)), picture.Header{Type: picture.PNG, Width: 30, Height: 20, Frames: 1}},
		"png, gray":           {pngOf(t, image.NewGray(image.Rect(0, 0, 3, 2))), picture.Header{Type: picture.PNG, Width: 3, Height: 2, Frames: 1}},
		"png, turned":         {withExif(pngOf(t, quarters(30, 20)), exif(6)), picture.Header{Type: picture.PNG, Width: 20, Height: 30, Frames: 1}},
		"png, animated":       {header(30, 20, frames(12, 30, 20)), picture.Header{Type: picture.PNG, Width: 30, Height: 20, Frames: 12}},
		"jpeg":                {jpegOf(t, quarters(31, 21)), picture.Header{Type: picture.JPEG, Width: 31, Height: 21, Frames: 1}},
		"jpeg, gray":          {jpegOf(t, image.NewGray(image.Rect(0, 0, 3, 2))), picture.Header{Type: picture.JPEG, Width: 3, Height: 2, Frames: 1}},
		"jpeg, upside down":   {withExif(jpegOf(t, quarters(31, 21)), exif(3)), picture.Header{Type: picture.JPEG, Width: 31, Height: 21, Frames: 1}},
		"jpeg, turned":        {withExif(jpegOf(t, quarters(31, 21)), exif(8)), picture.Header{Type: picture.JPEG, Width: 21, Height: 31, Frames: 1}},
		"jpeg, turned by 9":   {withExif(jpegOf(t, quarters(31, 21)), exif(9)), picture.Header{Type: picture.JPEG, Width: 31, Height: 21, Frames: 1}},
		"gif":                 {gifOf(t, 1, image.Pt(40, 30)), picture.Header{Type: picture.GIF, Width: 40, Height: 30, Frames: 1}},
		"gif, animated":       {gifOf(t, 7, image.Pt(40, 30)), picture.Header{Type: picture.GIF, Width: 40, Height: 30, Frames: 7}},
		"gif without its end": {gifOf(t, 7, image.Pt(40, 30))[:len(gifOf(t, 7, image.Pt(40, 30)))-1], picture.Header{Type: picture.GIF, Width: 40, Height: 30, Frames: 7}},
		"webp":                {webpOf(lossy(176, 144)), picture.Header{Type: picture.WebP, Width: 176, Height: 144, Frames: 1}},
		"webp, lossless":      {webpOf(lossless(4000, 3000)), picture.Header{Type: picture.WebP, Width: 4000, Height: 3000, Frames: 1}},
		"webp, extended":      {webpOf(extended(300, 200), riff("ICCP", []byte("abc")), lossy(300, 200)), picture.Header{Type: picture.WebP, Width: 300, Height: 200, Frames: 1}},
		"webp, turned":        {webpOf(extended(300, 200), lossless(300, 200), riff("EXIF", exif(5)[6:])), picture.Header{Type: picture.WebP, Width: 200, Height: 300, Frames: 1}},
		"webp, animated":      {webpOf(extended(300, 200), riff("ANIM", make([]byte, 6)), animated(9, 300, 200)), picture.Header{Type: picture.WebP, Width: 300, Height: 200, Frames: 9}},
		"25 megapixels":       {header(5000, 5000), picture.Header{Type: picture.PNG, Width: 5000, Height: 5000, Frames: 1}},
	}
}

func shown(h picture.Header) picture.Header {
	return picture.Header{Type: h.Type, Width: h.Width, Height: h.Height, Frames: h.Frames}
}

func TestAPictureIsMeasuredAsItIsShown(t *testing.T) {
	t.Parallel()
	for name, row := range good(t) {
		for _, slow := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			h, err := picture.Inspect(slow(bytes.NewReader(row.content)))
			if err != nil || shown(h) != row.want {
				t.Errorf("%s: %+v, %v, want %+v", name, h, err, row.want)
			}
		}
	}
}

func TestBombsAndWreckageAreRefused(t *testing.T) {
	t.Parallel()
	huge := jpegOf(t, quarters(8, 8))
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[at+5:], []byte{0xc3, 0x50, 0xc3, 0x50})
	wide := gifOf(t, 1, image.Pt(10, 10))
	copy(wide[6:], []byte{0x50, 0xc3, 0x50, 0xc3})
	for _, row := range []struct {
		name    string
		content []byte
		want    error
	}{
		{"png of 50,000 by 50,000", header(50_000, 50_000), picture.ErrTooLarge},
		{"png of two thousand million", header(2_000_000_000, 1), picture.ErrTooLarge},
		{"png of the largest numbers", header(1<<32-1, 1<<32-1), picture.ErrTooLarge},
		{"png of one row too much", header(5000, 5001), picture.ErrTooLarge},
		{"png without size", header(0, 5), picture.ErrUnfit},
		{"png with too many frames", header(2, 2, frames(1001, 2, 2)), picture.ErrTooLarge},
		{"png with too much in its frames", header(5000, 5000, frames(21, 5000, 5000)), picture.ErrTooLarge},
		{"png with a frame that is larger", header(20, 20, frames(1, 21, 20)), picture.ErrUnfit},
		{"png with a second header", header(20, 20, header(50_000, 50_000)[8:]), picture.ErrUnfit},
		{"jpeg of 50,000 by 50,000", huge, picture.ErrTooLarge},
		{"jpeg that begins again", []byte("\xff\xd8\xff\xd8\xff\xd8\xff\xd8"), picture.ErrUnfit},
		{"jpeg without end", append([]byte("\xff\xd8"), bytes.Repeat([]byte{0xff}, 100_000)...), picture.ErrUnfit},
		{"jpeg of endless segments", append([]byte("\xff\xd8"), bytes.Repeat([]byte{0xff, 0xe2, 0, 2}, 100_000)...), picture.ErrUnfit},
		{"gif of 50,000 by 50,000", wide, picture.ErrTooLarge},
		{"gif with too many frames", gifOf(t, 1001, image.Pt(2, 2)), picture.ErrTooLarge},
		{"webp of 16,384 by 16,384", webpOf(lossless(16_384, 16_384)), picture.ErrTooLarge},
		{"webp of sixteen million", webpOf(extended(1<<24, 1<<24)), picture.ErrTooLarge},
		{"webp with another size inside", webpOf(extended(10, 10), lossless(16_000, 1000)), picture.ErrUnfit},
		{"webp with too many frames", webpOf(extended(10, 10), animated(1001, 10, 10)), picture.ErrTooLarge},
		{"webp with a frame that is larger", webpOf(extended(10, 10), animated(1, 11, 10)), picture.ErrUnfit},
		{"webp without pixels", webpOf(extended(10, 10)), picture.ErrUnfit},
		{"bmp", []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), picture.ErrUnfit},
		{"svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), picture.ErrUnfit},
		{"nothing", nil, picture.ErrUnfit},
	} {
		if h, err := picture.Inspect(bytes.NewReader(row.content)); !errors.Is(err, row.want) {
			t.Errorf("%s: %+v, %v", row.name, h, err)
		}
	}
	broken := errors.New("broken")
	for name, row := range good(t) {
		for cut := range min(len(row.content), 40) {
			if h, err := picture.Inspect(bytes.NewReader(row.content[:cut])); err == nil && shown(h) != row.want || err != nil && !errors.Is(err, picture.ErrUnfit) {
				t.Errorf("%s, cut to %d bytes: %+v, %v", name, cut, h, err)
			}
		}
		_, err := picture.Inspect(io.MultiReader(bytes.NewReader(row.content[:15]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, picture.ErrUnfit) {
			t.Errorf("%s, of a broken store: %v", name, err)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, row := range good(f) {
		f.Add(row.content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := picture.Inspect(bytes.NewReader(content))
		if err != nil {
			if !errors.Is(err, picture.ErrUnfit) && !errors.Is(err, picture.ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if h.Width < 1 || h.Height < 1 || h.Width*h.Height > picture.MaxPixels || h.Frames < 1 || h.Frames > 1000 {
			t.Fatalf("%+v", h)
		}
		// The decoders must see no other size than was allowed.
		config, kind, err := image.DecodeConfig(bytes.NewReader(content))
		if err == nil && (config.Width*config.Height != h.Width*h.Height || "image/"+kind != h.Type) {
			t.Fatalf("%+v, but it is decoded as %s of %d by %d", h, kind, config.Width, config.Height)
		}
	})
}
