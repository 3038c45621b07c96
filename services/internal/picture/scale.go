// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"context"
	"image"

	"golang.org/x/image/draw"
)

// stripRows are brought into one form of pixels at once.
const stripRows = 16

// scale draws a part of a picture so that its longer side is at most so long. It averages whole blocks of
// pixels first and smooths the rest: sharper kernels of the library hold many times the picture in memory.
func scale(ctx context.Context, source image.Image, part image.Rectangle, side int) (*image.RGBA, error) {
	width, height := part.Dx(), part.Dy()
	if longer := max(width, height); longer > side {
		width, height = max(1, (width*side+longer/2)/longer), max(1, (height*side+longer/2)/longer)
	}
	block := max(1, min(part.Dx()/width, part.Dy()/height))
	averaged, err := average(ctx, source, part, block)
	if err != nil || averaged.Bounds().Dx() == width && averaged.Bounds().Dy() == height {
		return averaged, err
	}
	drawn := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(drawn, drawn.Bounds(), averaged, averaged.Bounds(), draw.Src, nil)
	return drawn, nil
}

// average makes one pixel of each block of pixels. A few rows of the source at a time are brought into one
// form of pixels; what the source lacks of the part is transparent.
func average(ctx context.Context, source image.Image, part image.Rectangle, block int) (*image.RGBA, error) {
	drawn := image.NewRGBA(image.Rect(0, 0, (part.Dx()+block-1)/block, (part.Dy()+block-1)/block))
	strip := image.NewRGBA(image.Rect(0, 0, part.Dx(), min(block, stripRows)))
	sums := make([]uint32, 4*drawn.Rect.Dx())
	for y := range drawn.Rect.Dy() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(sums)
		from, to := y*block, min((y+1)*block, part.Dy())
		for row := from; row < to; row += stripRows {
			rows := image.Rect(0, 0, part.Dx(), min(stripRows, to-row))
			clear(strip.Pix)
			draw.Draw(strip, rows, source, part.Min.Add(image.Pt(0, row)), draw.Src)
			for i := range rows.Dy() {
				addRow(sums, strip.Pix[i*strip.Stride:(i+1)*strip.Stride], block)
			}
		}
		out := drawn.Pix[y*drawn.Stride : (y+1)*drawn.Stride]
		for x := range drawn.Rect.Dx() {
			count := uint32((to - from) * min(block, part.Dx()-x*block)) //nolint:gosec // pixels of a block
			for i := 4 * x; i < 4*x+4; i++ {
				out[i] = uint8((sums[i] + count/2) / count) //nolint:gosec // an average of bytes
			}
		}
	}
	return drawn, nil
}

// addRow adds a row of pixels to the sums of their blocks.
func addRow(sums []uint32, row []uint8, block int) {
	for x := 0; len(row) > 0; x += 4 {
		n := min(4*block, len(row))
		var r, g, b, a uint32
		for i := 0; i < n; i += 4 {
			r, g, b, a = r+uint32(row[i]), g+uint32(row[i+1]), b+uint32(row[i+2]), a+uint32(row[i+3])
		}
		sums[x], sums[x+1], sums[x+2], sums[x+3] = sums[x]+r, sums[x+1]+g, sums[x+2]+b, sums[x+3]+a
		row = row[n:]
	}
}

// turn turns and mirrors a picture as its orientation says, so that it needs none.
func turn(source *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return source
	}
	width, height := source.Rect.Dx(), source.Rect.Dy()
	turned := image.NewRGBA(image.Rect(0, 0, width, height))
	if orientation > 4 {
		turned = image.NewRGBA(image.Rect(0, 0, height, width))
	}
	for y := range height {
		for x := range width {
			to := image.Pt(x, y)
			switch orientation {
			case 2:
				to = image.Pt(width-1-x, y)
			case 3:
				to = image.Pt(width-1-x, height-1-y)
			case 4:
				to = image.Pt(x, height-1-y)
			case 5:
				to = image.Pt(y, x)
			case 6:
				to = image.Pt(height-1-y, x)
			case 7:
				to = image.Pt(height-1-y, width-1-x)
			case 8:
				to = image.Pt(y, width-1-x)
			}
			turned.SetRGBA(to.X, to.Y, source.RGBAAt(x, y))
		}
	}
	return turned
}
