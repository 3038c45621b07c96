// SPDX-License-Identifier: Apache-2.0

package picture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parley-chat/parley/services/internal/picture"
)

// patient is long enough for a slow machine.
const patient = time.Minute

// sizes of messages and of avatars.
func sizes() (messages, avatars []picture.Form) {
	return []picture.Form{{Side: 320}, {Side: 1280}}, []picture.Form{{Side: 256, Square: true}, {Side: 64, Square: true}}
}

func made(t testing.TB, content []byte, forms []picture.Form) []picture.Thumbnail {
	t.Helper()
	h, err := picture.Inspect(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	thumbnails, err := picture.NewMaker(picture.DefaultBudget, patient).Make(t.Context(), h, bytes.NewReader(content), forms)
	if err != nil {
		t.Fatal(err)
	}
	return thumbnails
}

// opened decodes a thumbnail and checks what it says of itself.
func opened(t testing.TB, thumbnail picture.Thumbnail) image.Image {
	t.Helper()
	drawn, kind, err := image.Decode(bytes.NewReader(thumbnail.Content))
	if err != nil || "image/"+kind != thumbnail.Type || drawn.Bounds().Size() != image.Pt(thumbnail.Width, thumbnail.Height) {
		t.Fatalf("%s of %d by %d is %s of %v: %v", thumbnail.Type, thumbnail.Width, thumbnail.Height, kind, drawn.Bounds(), err)
	}
	return drawn
}

func TestThumbnailsHaveTheirSizes(t *testing.T) {
	t.Parallel()
	messages, avatars := sizes()
	for _, row := range []struct {
		width, height int
		forms         []picture.Form
		want          string
	}{
		{1500, 1000, messages, "[320x213 1280x853]"},
		{1000, 1500, messages, "[213x320 853x1280]"},
		{1281, 1281, messages, "[320x320 1280x1280]"},
		{640, 480, messages, "[320x240 640x480]"},
		{100, 50, messages, "[100x50]"},
		{5000, 3, messages, "[320x1 1280x1]"},
		{1, 1, messages, "[1x1]"},
		{1500, 1000, avatars, "[64x64 256x256]"},
		{100, 300, avatars, "[64x64 100x100]"},
		{10, 20, avatars, "[10x10]"},
		{1000, 500, slices.Concat(avatars, messages), "[64x64 256x256 320x160 1000x500]"},
	} {
		var got []string
		for _, thumbnail := range made(t, pngOf(t, quarters(row.width, row.height)), row.forms) {
			opened(t, thumbnail)
			got = append(got, fmt.Sprintf("%dx%d", thumbnail.Width, thumbnail.Height))
		}
		if fmt.Sprint(got) != row.want {
			t.Errorf("of %d by %d: %v, want %s", row.width, row.height, got, row.want)
		}
	}
}

// corners of a picture, clockwise from above left, as letters.
func corners(p image.Image) string {
	b := p.Bounds()
	var text string
	for _, at := range []image.Point{{1, 1}, {b.Dx() - 2, 1}, {b.Dx() - 2, b.Dy() - 2}, {1, b.Dy() - 2}} {
		r, g, blue, _ := p.At(b.Min.X+at.X, b.Min.Y+at.Y).RGBA()
		switch {
		case r > 0xc000 && g > 0xc000 && blue > 0xc000:
			text += "w"
		case r > 0xc000 && g < 0x4000 && blue < 0x4000:
			text += "r"
		case g > 0xc000 && r < 0x4000 && blue < 0x4000:
			text += "g"
		case blue > 0xc000 && r < 0x4000 && g < 0x4000:
			text += "b"
		default:
			text += "?"
		}
	}
	return text
}

func TestThumbnailsAreTurnedAndTellNothing(t *testing.T) {
	t.Parallel()
	forms := []picture.Form{{Side: 64}, {Side: 24}, {Side: 48, Square: true}, {Side: 17, Square: true}}
	// By how the orientations of Exif are defined: what row 0 and column 0 of the pixels are when shown.
	for orientation, want := range map[uint16]string{1: "rgwb", 2: "grbw", 3: "wbrg", 4: "bwgr", 5: "rbwg", 6: "brgw", 7: "wgrb", 8: "gwbr"} {
		for _, content := range [][]byte{jpegOf(t, quarters(150, 100)), pngOf(t, quarters(150, 100))} {
			content = withExif(content, exif(orientation))
			if !bytes.Contains(content, []byte("GPS")) {
				t.Fatal("the original has no place")
			}
			for _, thumbnail := range made(t, content, forms) {
				if got := corners(opened(t, thumbnail)); got != want {
					t.Errorf("orientation %d, %d by %d: %s, want %s", orientation, thumbnail.Width, thumbnail.Height, got, want)
				}
				if bytes.Contains(thumbnail.Content, []byte("GPS")) || bytes.Contains(thumbnail.Content, []byte("Exif")) {
					t.Errorf("a thumbnail of %s still has its place", thumbnail.Type)
				}
				if portrait := thumbnail.Height > thumbnail.Width; thumbnail.Height != thumbnail.Width && portrait != (orientation > 4) {
					t.Errorf("orientation %d: %d by %d", orientation, thumbnail.Width, thumbnail.Height)
				}
			}
		}
	}
}

func TestAnAverageIsOfAllPixels(t *testing.T) {
	t.Parallel()
	board := image.NewGray(image.Rect(0, 0, 400, 400)) // black and white by turns
	for y := range 400 {
		for x := range 400 {
			board.SetGray(x, y, color.Gray{Y: uint8((x + y) % 2 * 255)})
		}
	}
	for _, thumbnail := range made(t, pngOf(t, board), []picture.Form{{Side: 100}, {Side: 37, Square: true}}) {
		drawn := opened(t, thumbnail)
		for _, at := range []image.Point{{0, 0}, {10, 20}, {30, 30}} {
			if r, _, _, _ := drawn.At(at.X, at.Y).RGBA(); r < 0x7000 || r > 0x9000 {
				t.Errorf("%d by %d at %v: %#x, want gray", thumbnail.Width, thumbnail.Height, at, r)
			}
		}
	}
}

func TestWhatIsSeenThroughStaysSo(t *testing.T) {
	t.Parallel()
	p := image.NewNRGBA(image.Rect(0, 0, 800, 800))
	for y := range 400 {
		for x := range 800 {
			p.SetNRGBA(x, y, color.NRGBA{R: 200, A: 128})
		}
	}
	for _, thumbnail := range made(t, pngOf(t, p), []picture.Form{{Side: 100}}) {
		drawn := opened(t, thumbnail)
		_, _, _, above := drawn.At(50, 10).RGBA()
		_, _, _, below := drawn.At(50, 90).RGBA()
		if thumbnail.Type != picture.PNG || above < 0x7f00 || above > 0x8200 || below != 0 {
			t.Errorf("%s: %#x above, %#x below", thumbnail.Type, above, below)
		}
	}
	// A first frame that does not fill the picture leaves the rest empty.
	palette := color.Palette{color.White}
	g := gif.GIF{
		Image: []*image.Paletted{image.NewPaletted(image.Rect(100, 100, 200, 200), palette)}, Delay: []int{1},
		Config: image.Config{Width: 200, Height: 200, ColorModel: palette},
	}
	for _, thumbnail := range made(t, encoded(t, func(w io.Writer) error { return gif.EncodeAll(w, &g) }), []picture.Form{{Side: 100}}) {
		drawn := opened(t, thumbnail)
		_, _, _, empty := drawn.At(10, 10).RGBA()
		white, _, _, _ := drawn.At(90, 90).RGBA()
		if thumbnail.Width != 100 || empty != 0 || white != 0xffff {
			t.Errorf("%d wide, %#x where nothing is, %#x where the frame is", thumbnail.Width, empty, white)
		}
	}
}

func TestWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	messages, _ := sizes()
	maker := picture.NewMaker(picture.DefaultBudget, patient)
	content := jpegOf(t, quarters(300, 200))
	h, err := picture.Inspect(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	ended, end := context.WithCancel(t.Context())
	end()
	for _, row := range []struct {
		name  string
		ctx   context.Context
		maker *picture.Maker
		r     io.Reader
		want  error
	}{
		{"cut", t.Context(), maker, bytes.NewReader(content[:len(content)/2]), picture.ErrUnfit},
		{"of another type", t.Context(), maker, bytes.NewReader(pngOf(t, quarters(300, 200))), picture.ErrUnfit},
		{"larger than its header", t.Context(), maker, bytes.NewReader(jpegOf(t, quarters(900, 600))), picture.ErrUnfit},
		{"of a broken store", t.Context(), maker, io.MultiReader(bytes.NewReader(content[:100]), iotest.ErrReader(broken)), broken},
		{"when ctx has ended", ended, maker, bytes.NewReader(content), context.Canceled},
		{"of too little time", t.Context(), picture.NewMaker(picture.DefaultBudget, time.Nanosecond), bytes.NewReader(content), picture.ErrCostly},
		{"of too little memory", t.Context(), picture.NewMaker(1000, patient), bytes.NewReader(content), picture.ErrCostly},
	} {
		if thumbnails, err := row.maker.Make(row.ctx, h, row.r, messages); !errors.Is(err, row.want) {
			t.Errorf("%s: %d thumbnails, %v", row.name, len(thumbnails), err)
		}
	}
	webp := webpOf(lossy(300, 200))
	if h, err = picture.Inspect(bytes.NewReader(webp)); err != nil {
		t.Fatal(err)
	}
	if thumbnails, err := maker.Make(t.Context(), h, bytes.NewReader(webp), messages); err != nil || len(thumbnails) > 0 {
		t.Errorf("webp: %d thumbnails, %v", len(thumbnails), err)
	}
}

// waiting gives nothing until it is told to.
type waiting struct {
	began chan<- struct{}
	free  <-chan struct{}
	once  sync.Once
	io.Reader
}

func (w *waiting) Read(p []byte) (int, error) {
	w.once.Do(func() {
		w.began <- struct{}{}
		<-w.free
	})
	return w.Reader.Read(p)
}

func TestFourAtATimeAndNoMoreMemory(t *testing.T) {
	t.Parallel()
	content := pngOf(t, quarters(100, 100)) // 40,000 bytes decoded
	h, err := picture.Inspect(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		budget int64
		atOnce int
	}{{picture.DefaultBudget, 4}, {100_000, 2}, {40_000, 1}} {
		maker := picture.NewMaker(row.budget, patient)
		began, proceed := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				r := &waiting{began: began, free: proceed, Reader: bytes.NewReader(content)}
				if _, err := maker.Make(t.Context(), h, r, []picture.Form{{Side: 10}}); err != nil {
					t.Error(err)
				}
			})
		}
		for range row.atOnce {
			<-began
		}
		// All turns or all memory are taken: the next gives up with its context.
		ctx, end := context.WithCancel(t.Context())
		end()
		if _, err := maker.Make(ctx, h, bytes.NewReader(content), []picture.Form{{Side: 10}}); !errors.Is(err, picture.ErrBusy) {
			t.Errorf("budget of %d: one more than %d: %v", row.budget, row.atOnce, err)
		}
		for range 6 - row.atOnce {
			proceed <- struct{}{}
			<-began
		}
		for range row.atOnce {
			proceed <- struct{}{}
		}
		wg.Wait()
	}
}

func FuzzMake(f *testing.F) {
	for _, row := range good(f) {
		f.Add(row.content)
	}
	maker := picture.NewMaker(4<<20, patient)
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := picture.Inspect(bytes.NewReader(content))
		if err != nil {
			return
		}
		thumbnails, err := maker.Make(t.Context(), h, bytes.NewReader(content), []picture.Form{{Side: 20}, {Side: 8, Square: true}})
		if err != nil && !errors.Is(err, picture.ErrUnfit) && !errors.Is(err, picture.ErrCostly) {
			t.Fatal(err)
		}
		for _, thumbnail := range thumbnails {
			opened(t, thumbnail)
			if thumbnail.Width > 20 || thumbnail.Height > 20 {
				t.Fatalf("%d by %d", thumbnail.Width, thumbnail.Height)
			}
		}
	})
}
