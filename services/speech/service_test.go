// SPDX-License-Identifier: Apache-2.0

package speech_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

type world struct {
	*speech.Service

	provider *speechtest.Provider
	voices   *speechtest.Voices
}

func newWorld(change func(*speech.Ports, *speech.Options)) world {
	w := world{provider: &speechtest.Provider{}, voices: &speechtest.Voices{Recordings: map[ids.FileID]speech.Recording{}}}
	p := speech.Ports{Provider: w.provider, Converter: speechtest.Converter{}, Recordings: w.voices, Transcripts: w.voices}
	o := speech.Options{MaxDuration: 5 * time.Minute, Parallel: 2, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&p, &o)
	}
	w.Service = speech.New(p, o)
	return w
}

func wav(d time.Duration) []byte { return speechtest.Sound(d).WAV() }

func (w world) dictate(ctx context.Context, who ids.UserID, d time.Duration) (speech.Transcript, error) {
	return w.Recognize(ctx, speech.Dictation{Caller: who, Declared: []speech.Format{speech.WAV}, Audio: wav(d)})
}

func TestS1_ADictationIsReadInItsDeclaredFormat(t *testing.T) {
	t.Parallel()
	w := newWorld(nil)
	got, err := w.dictate(t.Context(), ids.NewUser(), time.Second)
	if err != nil || got != (speech.Transcript{Text: "hello", Language: "en", Confidence: 0.5}) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, row := range map[string]struct {
		declared speech.Format
		audio    []byte
		why      string
	}{
		"another format":    {speech.MP3, wav(time.Second), speech.WhyFormat},
		"no format at all":  {speech.WAV, []byte("what is this, a text?"), speech.WhyFormat},
		"nothing":           {speech.WAV, nil, speech.WhyFormat},
		"more than 60 s":    {speech.WAV, wav(61 * time.Second), speech.WhyTooLong},
		"an exact 60 s fit": {speech.WAV, wav(60 * time.Second), ""},
	} {
		_, err := w.Recognize(t.Context(), speech.Dictation{Caller: ids.NewUser(), Declared: []speech.Format{row.declared}, Audio: row.audio})
		known, _ := fault.Of(err)
		if row.why == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, speech.ErrAudioUnfit) || known.Metadata()["why"] != row.why {
			t.Errorf("%s: %v, want %s", name, err, row.why)
		}
	}
}

func TestS1_WhatCannotBeConvertedGoesToAProviderThatReadsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(func(p *speech.Ports, _ *speech.Options) {
		p.Converter = speechtest.Converter{Err: speech.ErrNoConverter}
	})
	d := speech.Dictation{Caller: ids.NewUser(), Declared: []speech.Format{speech.WebM}, Audio: []byte("\x1A\x45\xDF\xA3 and so on")}
	if _, err := w.Recognize(t.Context(), d); !errors.Is(err, speech.ErrAudioUnfit) {
		t.Errorf("%v", err)
	}
	w.provider.Can.Formats = []speech.Format{speech.WebM}
	if got, err := w.Recognize(t.Context(), d); err != nil || got.Text != "hello" {
		t.Errorf("%+v, %v", got, err)
	}
	if asked := w.provider.Asked(); len(asked) != 1 || asked[0].Recording.Format != speech.WebM || len(asked[0].Sound) != 0 {
		t.Errorf("asked %+v", asked)
	}
}

func TestNobodyReadsWithoutAProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(func(p *speech.Ports, _ *speech.Options) { p.Provider = nil })
	if _, err := w.dictate(t.Context(), ids.NewUser(), time.Second); !errors.Is(err, speech.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestLongSoundGoesInPiecesAndComesBackAsOneText(t *testing.T) {
	t.Parallel()
	w := newWorld(nil)
	w.provider.Can.MaxPiece = 20 * time.Second
	said := 0
	w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
		said++
		return speech.Transcript{Text: []string{" one ", "", "three\x00\nfour"}[said-1], Language: "en", Confidence: []float64{1, 0, 0.5}[said-1]}, nil
	}
	got, err := w.dictate(t.Context(), ids.NewUser(), 50*time.Second)
	if err != nil || got.Text != "one three four" || got.Confidence < 0.5 || got.Confidence > 1 {
		t.Errorf("%+v, %v", got, err)
	}
	var whole time.Duration
	for _, p := range w.provider.Asked() {
		if whole += p.Sound.Duration(); p.Sound.Duration() > 20*time.Second {
			t.Errorf("a piece of %v", p.Sound.Duration())
		}
	}
	if whole != 50*time.Second {
		t.Errorf("%v arrived", whole)
	}
}

func TestSoundIsCutWhereItIsQuiet(t *testing.T) {
	t.Parallel()
	sound := speechtest.Sound(10 * time.Second)
	for i := range sound { // loud, but for the time from 5 s to 5.5 s
		if at := sound[:i].Duration(); at < 5*time.Second || at > 5500*time.Millisecond {
			sound[i] = byte(60 * (i % 2))
		}
	}
	pieces := sound.Cut(6 * time.Second)
	if len(pieces) != 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	if at := pieces[0].Duration(); at < 5*time.Second || at > 5500*time.Millisecond {
		t.Errorf("cut at %v", at)
	}
}

func TestTextsOfPiecesAreJoinedAsTheirScriptsAre(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][2]string{"明天十点开会": {"明天十点", "开会"}, "good morning": {"good", "morning"}, "说 OK": {"说", "OK"}} {
		w := newWorld(nil)
		w.provider.Can.MaxPiece = 6 * time.Second
		said := 0
		w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
			said++
			return speech.Transcript{Text: parts[min(said, 2)-1], Language: strings.Repeat("x", said*40), Confidence: math.NaN()}, nil
		}
		got, err := w.dictate(t.Context(), ids.NewUser(), 10*time.Second)
		if err != nil || got != (speech.Transcript{Text: want}) {
			t.Errorf("%+v, %v, want %s", got, err, want)
		}
	}
}

func TestBudgetsOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(func(_ *speech.Ports, o *speech.Options) { o.UserDaily, o.Daily = time.Minute, 90*time.Second })
		li, wei := ids.NewUser(), ids.NewUser()
		may := func(who ids.UserID, d time.Duration, want error) {
			t.Helper()
			_, err := w.dictate(t.Context(), who, d)
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if known, ok := fault.Of(err); ok && errors.Is(err, speech.ErrQuotaExceeded) && (known.RetryAfter() <= 0 || known.RetryAfter() > 24*time.Hour) {
				t.Errorf("retry after %v", known.RetryAfter())
			}
		}
		may(li, 50*time.Second, nil)
		may(li, 20*time.Second, speech.ErrQuotaExceeded)
		may(wei, 50*time.Second, speech.ErrQuotaExceeded)
		w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
			return speech.Transcript{}, speech.Unfit(speech.WhyDamaged)
		}
		may(wei, 40*time.Second, speech.ErrAudioUnfit)
		w.provider.Say = nil
		may(wei, 40*time.Second, nil) // what was not read does not count
		<-time.After(24 * time.Hour)
		may(li, 60*time.Second, nil)
	})
}

func TestF27_AProviderIsTriedFiveTimesThenLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		bad := errors.New("nonsense")
		w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
			return speech.Transcript{}, speech.ErrUnavailable.Because(bad)
		}
		start := time.Now()
		_, err := w.dictate(t.Context(), ids.NewUser(), time.Second)
		if took := time.Since(start); !errors.Is(err, bad) || len(w.provider.Asked()) != 5 || took != 7500*time.Millisecond {
			t.Errorf("%v after %d tries and %v", err, len(w.provider.Asked()), took)
		}
		// It failed five times in a row: it is left alone, and callers hear so at once.
		_, err = w.dictate(t.Context(), ids.NewUser(), time.Second)
		known, _ := fault.Of(err)
		if !errors.Is(err, speech.ErrUnavailable) || len(w.provider.Asked()) != 5 || known.RetryAfter() != 10*time.Second {
			t.Errorf("%v after %d tries", err, len(w.provider.Asked()))
		}
		w.provider.Say = nil
		<-time.After(10 * time.Second)
		if _, err := w.dictate(t.Context(), ids.NewUser(), time.Second); err != nil {
			t.Errorf("it is back: %v", err)
		}
	})
}

func TestAQuotaOfTheProviderHoldsUntilItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
			return speech.Transcript{}, speech.ErrQuotaExceeded.After(3 * time.Hour)
		}
		for range 3 {
			if _, err := w.dictate(t.Context(), ids.NewUser(), time.Second); !errors.Is(err, speech.ErrQuotaExceeded) {
				t.Errorf("%v", err)
			}
		}
		if n := len(w.provider.Asked()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		<-time.After(3 * time.Hour)
		w.provider.Say = nil
		if _, err := w.dictate(t.Context(), ids.NewUser(), time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestAProviderThatIsTooSlowIsUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(ctx context.Context, _ speech.Piece) (speech.Transcript, error) {
			<-ctx.Done()
			return speech.Transcript{}, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if _, err := w.dictate(ctx, ids.NewUser(), time.Second); !errors.Is(err, speech.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	})
}

func TestOnlySoManyDictateAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(ctx context.Context, _ speech.Piece) (speech.Transcript, error) {
			<-ctx.Done()
			return speech.Transcript{}, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			go func() { _, _ = w.dictate(ctx, ids.NewUser(), time.Second) }()
		}
		synctest.Wait()
		if n := len(w.provider.Asked()); n != 2 {
			t.Errorf("%d at once", n)
		}
		cancel()
	})
}

func TestFormatsAreKnownByTheirBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]speech.Format{
		"RIFF\x00\x00\x00\x00WAVE": speech.WAV, "\x1A\x45\xDF\xA3________": speech.WebM, "OggS________": speech.Ogg,
		"\x00\x00\x00\x20ftypM4A ": speech.MP4, "\xFF\xF1__________": speech.ADTS, "\xFF\xFB__________": speech.MP3,
		"ID3_________": speech.MP3, "RIFF____AVI ": speech.UnknownFormat, "": speech.UnknownFormat, "#EXTM3U\nhttp://x/": speech.UnknownFormat,
	} {
		if got := speech.Sniff([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if h := fmt.Sprintf("%x", speechtest.Sound(time.Second).WAV()[:44]); h != "52494646247d000057415645666d74201000000001000100803e0000007d00000200100064617461007d0000" {
		t.Errorf("header %s", h)
	}
}
