// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of a Maker: chosen, as is the quality; see the binding rules of uploads.
const (
	makeAtOnce = 4
	quality    = 82
)

// Usual bounds: one picture of MaxPixels with four bytes each, and what a person waits for.
const (
	DefaultBudget  = 4 * MaxPixels // bytes
	DefaultTimeout = 5 * time.Second
)

// Errors of a Maker, beside ErrUnfit.
var (
	// ErrCostly: decoding it would take more memory or time than there is. It can be sent as it is.
	ErrCostly = errors.New("the picture is too costly to draw")
	// ErrBusy: ctx ended before it was its turn.
	ErrBusy = errors.New("too many pictures are drawn now")
)

// Form is what a smaller picture is for.
type Form struct {
	Side   int  // of the longer side, in pixels
	Square bool // the middle is cut out
}

// Thumbnail is a smaller picture.
type Thumbnail struct {
	Width, Height int
	Type          string // JPEG, or PNG if something is seen through
	Content       []byte
}

// Maker makes smaller pictures with a bounded amount of memory. It is safe for concurrent use.
type Maker struct {
	total   int64
	budget  *semaphore.Weighted // bytes
	turns   *semaphore.Weighted // pictures
	timeout time.Duration
}

// NewMaker makes a Maker that decodes at most four pictures at a time, in at most so many bytes together and
// so much time each.
func NewMaker(budget int64, timeout time.Duration) *Maker {
	return &Maker{total: budget, budget: semaphore.NewWeighted(budget), turns: semaphore.NewWeighted(makeAtOnce), timeout: timeout}
}

// Make draws a picture in each form, smallest first. None is larger than the picture; forms that would be
// of the same size come once. The header is the one that Inspect answered for the same bytes. Of WebP it
// makes nothing, which is no error. Of an animation it draws the first frame.
func (m *Maker) Make(ctx context.Context, h Header, r io.Reader, forms []Form) ([]Thumbnail, error) {
	if h.Type == WebP || len(forms) == 0 {
		return nil, nil
	}
	if h.cost > m.total {
		return nil, fmt.Errorf("%w: %d MB", ErrCostly, h.cost/1e6)
	}
	if err := m.turns.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer m.turns.Release(1)
	if err := m.budget.Acquire(ctx, h.cost); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer m.budget.Release(h.cost)
	timed, cancel := context.WithTimeoutCause(ctx, m.timeout, ErrCostly)
	defer cancel()
	thumbnails, err := drawForms(timed, h, r, forms)
	if err != nil && timed.Err() != nil {
		return nil, context.Cause(timed) // whatever the decoder made of that
	}
	return thumbnails, err
}

// drawForms decodes a picture and draws it in all forms.
func drawForms(ctx context.Context, h Header, r io.Reader, forms []Form) ([]Thumbnail, error) {
	source, err := decode(ctx, h.Type, r)
	if err != nil {
		return nil, err
	}
	canvas := image.Rect(0, 0, h.Width, h.Height)
	if h.orientation > 4 {
		canvas = image.Rect(0, 0, h.Height, h.Width)
	}
	if !source.Bounds().In(canvas) {
		return nil, fmt.Errorf("%w: it is larger than its header", ErrUnfit)
	}
	// From large to small, and of one kind after the other: the next is drawn from the one before.
	forms = slices.SortedFunc(slices.Values(forms), func(a, b Form) int {
		if a.Square != b.Square {
			return cmp.Compare(fmt.Sprint(a.Square), fmt.Sprint(b.Square))
		}
		return b.Side - a.Side
	})
	var made []Thumbnail
	last, crop, square := source, canvas, false
	for _, form := range forms {
		if form.Square && !square {
			last, crop, square = source, middle(canvas), true
		}
		drawn, err := scale(ctx, last, crop, form.Side)
		if err != nil {
			return nil, err
		}
		last, crop = drawn, drawn.Bounds()
		turned := turn(drawn, h.orientation)
		size := turned.Bounds().Size()
		if slices.ContainsFunc(made, func(t Thumbnail) bool { return t.Width == size.X && t.Height == size.Y }) {
			continue
		}
		thumbnail, err := encode(turned)
		if err != nil {
			return nil, err
		}
		made = append(made, thumbnail)
	}
	slices.SortFunc(made, func(a, b Thumbnail) int { return max(a.Width, a.Height) - max(b.Width, b.Height) })
	return made, nil
}

// middle is the largest square in the middle.
func middle(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	corner := r.Min.Add(image.Pt((r.Dx()-side)/2, (r.Dy()-side)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(side, side))}
}

// decode decodes the first frame, as long as ctx lasts.
func decode(ctx context.Context, kind string, r io.Reader) (source image.Image, err error) {
	limited := &untilEnd{ctx: ctx.Err, r: r}
	switch kind {
	case PNG:
		source, err = png.Decode(limited)
	case JPEG:
		source, err = jpeg.Decode(limited)
	case GIF:
		source, err = gif.Decode(limited)
	default:
		return nil, fmt.Errorf("%w: %q", ErrUnfit, kind)
	}
	if err == nil {
		return source, nil
	}
	if limited.err != nil {
		return nil, limited.err
	}
	return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
}

// untilEnd reads until a context ends, which is the only way to stop a decoder.
type untilEnd struct {
	ctx func() error
	r   io.Reader
	err error // none of the picture
}

func (u *untilEnd) Read(p []byte) (int, error) {
	if u.err = u.ctx(); u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

func encode(drawn *image.RGBA) (Thumbnail, error) {
	var text bytes.Buffer
	t := Thumbnail{Width: drawn.Bounds().Dx(), Height: drawn.Bounds().Dy(), Type: JPEG}
	var err error
	if drawn.Opaque() {
		err = jpeg.Encode(&text, drawn, &jpeg.Options{Quality: quality})
	} else {
		t.Type, err = PNG, png.Encode(&text, drawn)
	}
	t.Content = text.Bytes()
	return t, err
}
