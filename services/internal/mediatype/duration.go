// SPDX-License-Identifier: Apache-2.0

package mediatype

import (
	"errors"
	"io"
	"time"
)

// Bounds of a look into a file, whatever it says of itself.
const (
	maxElements = 1 << 20         // frames, boxes, pages or blocks; ten hours of MP3
	maxDuration = 100 * time.Hour // longer is not believed
	windowBytes = 32 << 10
)

// Duration tells how long a voice message is, from its container's headers and frames, without decoding it.
// The type is one that Voice answers. 0 if the bytes do not tell, or are not what their type says. An error
// is one of r.
func Duration(r io.ReaderAt, size int64, audio string) (time.Duration, error) {
	c := &cursor{r: r, size: size}
	var d time.Duration
	switch audio {
	case WAV:
		d = wavDuration(c)
	case MP3:
		d = mp3Duration(c)
	case AAC:
		d = aacDuration(c)
	case AudioMP4:
		d = mp4Duration(c)
	case AudioOgg:
		d = oggDuration(c)
	case AudioWebM:
		d = webmDuration(c)
	}
	if c.err != nil {
		return 0, c.err
	}
	if d < 0 || d > maxDuration {
		return 0, nil
	}
	return d, nil
}

// span is the time that count units take, of which there are rate a second; 0 where that makes no sense.
func span(count, rate uint64) time.Duration {
	if rate == 0 || count/rate >= uint64(maxDuration/time.Second) {
		return 0
	}
	return time.Duration(count/rate)*time.Second + time.Duration(float64(count%rate)/float64(rate)*float64(time.Second)) //nolint:gosec // checked above
}

// cursor reads a file here and there. What is not there is empty; an error that is none of the bytes stays.
type cursor struct {
	r      io.ReaderAt
	size   int64
	window []byte
	at     int64 // of the window
	err    error
}

// bytes answers n bytes, at most windowBytes, from a place on; ok is false if there are fewer. They hold
// until the next call.
func (c *cursor) bytes(at int64, n int) (b []byte, ok bool) {
	if c.err != nil || at < 0 || n > windowBytes || at > c.size-int64(n) {
		return nil, false
	}
	if at < c.at || at+int64(n) > c.at+int64(len(c.window)) {
		if !c.fill(at) {
			return nil, false
		}
	}
	from := int(at - c.at)
	if from+n > len(c.window) {
		return nil, false
	}
	return c.window[from : from+n], true
}

func (c *cursor) fill(at int64) bool {
	if c.window == nil {
		c.window = make([]byte, 0, windowBytes)
	}
	c.window = c.window[:min(windowBytes, c.size-at)]
	n, err := c.r.ReadAt(c.window, at)
	c.at, c.window = at, c.window[:n]
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return c.err == nil
}
