// SPDX-License-Identifier: Apache-2.0

package mediatype_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/mediatype"
)

// recorded is what the samples of testdata were made of: a tone of this length.
const recorded = 1500 * time.Millisecond

func sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func duration(t testing.TB, content []byte, audio string) time.Duration {
	t.Helper()
	d, err := mediatype.Duration(bytes.NewReader(content), int64(len(content)), audio)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVoiceMessagesOfAllKinds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		file, seen, voice string
		// Encoders add some silence, up to two frames, or lose the length of the last one.
		less, more time.Duration
	}{
		{"voice.wav", mediatype.WAV, mediatype.WAV, 0, 0},
		{"cbr.mp3", mediatype.MP3, mediatype.MP3, 0, 200 * time.Millisecond},
		{"vbr.mp3", mediatype.MP3, mediatype.MP3, 0, 200 * time.Millisecond},
		{"bare.mp3", mediatype.MP3, mediatype.MP3, 0, 200 * time.Millisecond},
		{"voice.aac", mediatype.AAC, mediatype.AAC, 0, 200 * time.Millisecond},
		{"voice.m4a", mediatype.AudioMP4, mediatype.AudioMP4, 0, 100 * time.Millisecond},
		{"faststart.m4a", mediatype.AudioMP4, mediatype.AudioMP4, 0, 100 * time.Millisecond},
		{"fragmented.mp4", "video/mp4", mediatype.AudioMP4, 0, 200 * time.Millisecond},
		{"opus.ogg", mediatype.AudioOgg, mediatype.AudioOgg, 0, 50 * time.Millisecond},
		{"vorbis.ogg", mediatype.AudioOgg, mediatype.AudioOgg, 0, 50 * time.Millisecond},
		{"told.webm", "video/webm", mediatype.AudioWebM, 0, 50 * time.Millisecond},
		{"live.webm", "video/webm", mediatype.AudioWebM, 50 * time.Millisecond, 50 * time.Millisecond},
	} {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			content := sample(t, row.file)
			seen := mediatype.Sniff(content)
			if seen != row.seen {
				t.Errorf("seen as %s, want %s", seen, row.seen)
			}
			voice, ok := mediatype.Voice(seen)
			if !ok || voice != row.voice || !mediatype.Agrees(row.voice, seen) {
				t.Errorf("voice of type %q, %t, want %s", voice, ok, row.voice)
			}
			if d := duration(t, content, row.voice); d < recorded-row.less || d > recorded+row.more {
				t.Errorf("%v long, want %v", d, recorded)
			}
			for _, audio := range []string{mediatype.WAV, mediatype.MP3, mediatype.AAC, mediatype.AudioMP4, mediatype.AudioOgg, mediatype.AudioWebM, "text/plain"} {
				if d := duration(t, content, audio); audio != row.voice && d != 0 {
					t.Errorf("as %s it is %v long", audio, d)
				}
			}
		})
	}
}

func TestWhatIsCutTellsLessOrNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"voice.wav", "cbr.mp3", "bare.mp3", "voice.aac", "voice.m4a", "fragmented.mp4", "opus.ogg", "live.webm"} {
		content := sample(t, name)
		voice, _ := mediatype.Voice(mediatype.Sniff(content))
		for cut := range len(content) {
			if d := duration(t, content[:cut], voice); d < 0 || d > recorded+200*time.Millisecond {
				t.Fatalf("%s cut to %d bytes is %v long", name, cut, d)
			}
		}
	}
}

func TestAnErrorOfTheStoreIsNoLength(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, audio := range []string{mediatype.WAV, mediatype.MP3, mediatype.AAC, mediatype.AudioMP4, mediatype.AudioOgg, mediatype.AudioWebM} {
		if _, err := mediatype.Duration(failing{broken}, 1000, audio); !errors.Is(err, broken) {
			t.Errorf("%s: %v", audio, err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// counting bounds how often a file is read.
type counting struct {
	io.ReaderAt
	reads int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.ReaderAt.ReadAt(p, off)
}

func FuzzDuration(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(sample(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		seen := mediatype.Sniff(content)
		for _, audio := range []string{mediatype.WAV, mediatype.MP3, mediatype.AAC, mediatype.AudioMP4, mediatype.AudioOgg, mediatype.AudioWebM, seen} {
			r := &counting{ReaderAt: bytes.NewReader(content)}
			d, err := mediatype.Duration(r, int64(len(content)), audio)
			if err != nil || d < 0 || d > 100*time.Hour {
				t.Fatalf("%s: %v, %v", audio, d, err)
			}
			if most := 20 + len(content)/100; r.reads > most {
				t.Fatalf("%s: %d reads of %d bytes", audio, r.reads, len(content))
			}
		}
	})
}
