// SPDX-License-Identifier: Apache-2.0

package audio_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/audio"
)

// kind of a WAV that a test makes.
type kind struct {
	tag            uint16
	channels, bits int
	rate           int
}

// tone makes a WAV with a sine.
func tone(k kind, hz float64, d time.Duration) []byte {
	var data []byte
	for i := range int(d.Seconds() * float64(k.rate)) {
		v := 0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(k.rate))
		for range k.channels {
			switch {
			case k.tag == 3 && k.bits == 64:
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
			case k.tag == 3:
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
			case k.bits == 8:
				data = append(data, byte(128+127*v))
			default:
				whole := binary.LittleEndian.AppendUint32(nil, uint32(int32(v*math.MaxInt32)))
				data = append(data, whole[4-k.bits/8:]...)
			}
		}
	}
	return file(k, data)
}

func file(k kind, data []byte) []byte {
	b := append([]byte("RIFF\xFF\xFF\xFF\xFFWAVEjunk\x03\x00\x00\x00abc\x00fmt "), 16, 0, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, k.tag)
	b = binary.LittleEndian.AppendUint16(b, uint16(k.channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(k.rate))
	frame := k.channels * k.bits / 8
	b = binary.LittleEndian.AppendUint32(b, uint32(k.rate*frame))
	b = binary.LittleEndian.AppendUint16(b, uint16(frame))
	b = binary.LittleEndian.AppendUint16(b, uint16(k.bits))
	return append(append(b, "data\xFF\xFF\xFF\xFF"...), data...)
}

// power of a frequency in sound, from 0 to 1.
func power(p speech.PCM, hz float64) float64 {
	var re, im, n float64
	for i := 0; i+1 < len(p); i += 2 {
		v := float64(int16(binary.LittleEndian.Uint16(p[i:]))) / (1 << 15)
		phase := 2 * math.Pi * hz * float64(i/2) / speech.SampleRate
		re, im, n = re+v*math.Cos(phase), im+v*math.Sin(phase), n+1
	}
	return 2 * math.Hypot(re, im) / n
}

func convert(t *testing.T, b []byte, longest time.Duration) (speech.PCM, error) {
	t.Helper()
	return audio.Converter{}.Convert(t.Context(), speech.Recording{Format: speech.WAV, Bytes: b}, longest)
}

func TestEveryKindOfWAVBecomesTheSameSound(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{
		{1, 1, 16, 16000}, {1, 2, 16, 48000}, {1, 1, 8, 8000}, {1, 2, 24, 44100}, {1, 1, 32, 96000}, {3, 2, 32, 48000}, {3, 1, 64, 22050},
	} {
		got, err := convert(t, tone(k, 1000, time.Second), time.Minute)
		if err != nil {
			t.Errorf("%+v: %v", k, err)
			continue
		}
		if d := got.Duration(); (d - time.Second).Abs() > 2*time.Millisecond {
			t.Errorf("%+v: %v", k, d)
		}
		if p := power(got, 1000); p < 0.48 || p > 0.52 {
			t.Errorf("%+v: the tone has %.3f of 0.5", k, p)
		}
	}
}

// What lies above the band must go, else it would sound as another tone.
func TestWhatIsTooHighIsCutOff(t *testing.T) {
	t.Parallel()
	got, err := convert(t, tone(kind{1, 1, 16, 48000}, 13000, time.Second), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if p := power(got, 3000); p > 0.01 {
		t.Errorf("13 kHz sounds as 3 kHz with %.3f", p)
	}
}

func TestWAVsThatAreNone(t *testing.T) {
	t.Parallel()
	good := tone(kind{1, 1, 16, 16000}, 440, time.Second)
	for name, row := range map[string]struct {
		bytes []byte
		why   string
	}{
		"a header alone":     {good[:12], speech.WhyDamaged},
		"no samples":         {good[:40], speech.WhyDamaged},
		"no channel":         {file(kind{1, 0, 16, 16000}, make([]byte, 99)), speech.WhyDamaged},
		"odd bits":           {file(kind{1, 1, 12, 16000}, make([]byte, 99)), speech.WhyDamaged},
		"a rate of nothing":  {file(kind{1, 1, 16, 0}, make([]byte, 99)), speech.WhyDamaged},
		"longer than a bit":  {good, speech.WhyTooLong},
		"samples before fmt": {append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x04\x00\x00\x00abcd"...), speech.WhyDamaged},
	} {
		_, err := convert(t, row.bytes, 999*time.Millisecond)
		known, _ := fault.Of(err)
		if !errors.Is(err, speech.ErrAudioUnfit) || known.Metadata()["why"] != row.why {
			t.Errorf("%s: %v, want %s", name, err, row.why)
		}
	}
}

func TestWithoutFFmpegOtherFormatsAreNotRead(t *testing.T) {
	t.Parallel()
	for _, f := range []speech.Format{speech.WebM, speech.Ogg, speech.MP4, speech.ADTS, speech.MP3} {
		if _, err := (audio.Converter{}).Convert(t.Context(), speech.Recording{Format: f}, time.Minute); !errors.Is(err, speech.ErrNoConverter) {
			t.Errorf("%d: %v", f, err)
		}
	}
	if _, err := convert(t, file(kind{6, 1, 8, 8000}, make([]byte, 99)), time.Minute); !errors.Is(err, speech.ErrNoConverter) {
		t.Errorf("A-law: %v", err)
	}
	if _, err := (audio.Converter{FFmpeg: "/bin/true"}).Convert(t.Context(), speech.Recording{}, time.Minute); !errors.Is(err, speech.ErrAudioUnfit) {
		t.Errorf("an unknown format: %v", err)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(tone(kind{1, 2, 16, 44100}, 440, 10*time.Millisecond))
	f.Add(tone(kind{3, 1, 32, 8000}, 440, 10*time.Millisecond))
	f.Add(tone(kind{1, 1, 24, 96000}, 440, 10*time.Millisecond))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVE"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		got, err := audio.Converter{}.Convert(t.Context(), speech.Recording{Format: speech.WAV, Bytes: b}, time.Second)
		switch {
		case err == nil && got.Duration() > 1001*time.Millisecond:
			t.Errorf("sound of %v", got.Duration())
		case err != nil && !errors.Is(err, speech.ErrAudioUnfit) && !errors.Is(err, speech.ErrNoConverter):
			t.Errorf("%v", err)
		}
	})
}

// ffmpeg is the program, where it is installed; CI demands it.
func ffmpeg(t *testing.T) audio.Converter {
	t.Helper()
	path := audio.FindFFmpeg("")
	if path == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") != "" {
			t.Fatal("needs ffmpeg; make deps installs it")
		}
		t.Skip("needs ffmpeg; make deps installs it")
	}
	return audio.Converter{FFmpeg: path}
}

// A playlist that passes for a recording must not make the server open what it names.
func TestAPlaylistOpensNothing(t *testing.T) {
	t.Parallel()
	c := ffmpeg(t)
	for f, text := range map[speech.Format]string{
		speech.MP3: "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", speech.WebM: "ffconcat version 1.0\nfile /etc/passwd\n",
		speech.MP4: "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x\n", speech.Ogg: "OggS and nothing else", speech.ADTS: "\xFF\xF1 and nothing else",
	} {
		got, err := c.Convert(t.Context(), speech.Recording{Format: f, Bytes: []byte(text)}, time.Minute)
		if !errors.Is(err, speech.ErrAudioUnfit) {
			t.Errorf("%d: %d bytes, %v", f, len(got), err)
		}
	}
}

func TestFFmpegReadsCodedWAV(t *testing.T) {
	t.Parallel()
	c := ffmpeg(t)
	data := make([]byte, 8000) // a second of A-law
	got, err := c.Convert(t.Context(), speech.Recording{Format: speech.WAV, Bytes: file(kind{6, 1, 8, 8000}, data)}, time.Minute)
	if err != nil || (got.Duration()-time.Second).Abs() > 50*time.Millisecond {
		t.Errorf("%v, %v", got.Duration(), err)
	}
	if _, err := c.Convert(t.Context(), speech.Recording{Format: speech.WAV, Bytes: file(kind{6, 1, 8, 8000}, data)}, 500*time.Millisecond); !errors.Is(err, speech.ErrAudioUnfit) {
		t.Errorf("twice as long as allowed: %v", err)
	}
}
