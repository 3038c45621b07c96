// SPDX-License-Identifier: Apache-2.0

package speech_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/speech"
)

// voice puts a recording there and asks for its text.
func (w world) voice(d time.Duration) speech.Request {
	file := ids.NewFile()
	w.voices.Recordings[file] = speech.Recording{Format: speech.WAV, Bytes: wav(d)}
	return speech.Request{Seq: 7, Attempt: 1, File: file, Duration: d, At: time.Now()}
}

func (w world) wants(t *testing.T, state speech.State, text string) {
	t.Helper()
	got := w.voices.Outcomes()
	if len(got) != 1 || got[0].State != state || got[0].Transcript.Text != text {
		t.Errorf("stored %+v, want state %d and %q", got, state, text)
	}
}

func TestF21_AVoiceMessageGetsItsText(t *testing.T) {
	t.Parallel()
	w := newWorld(nil)
	r := w.voice(100 * time.Second)
	for range 2 { // the broker may bring it twice
		if err := w.Transcribe(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	w.wants(t, speech.Done, "hello")
}

func TestF21_WhatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(w world, r *speech.Request)
		want   speech.State
	}{
		"too long by what the message says": {func(_ world, r *speech.Request) { r.Duration = 6 * time.Minute }, speech.Unsupported},
		"too long in fact": {func(w world, r *speech.Request) {
			w.voices.Recordings[r.File] = speech.Recording{Format: speech.WAV, Bytes: wav(6 * time.Minute)}
		}, speech.Unsupported},
		"no voice message": {func(w world, _ *speech.Request) { w.voices.ReadErr = speech.Unfit(speech.WhyFormat) }, speech.Unsupported},
		"refused by the provider": {func(w world, _ *speech.Request) {
			w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
				return speech.Transcript{}, speech.Unfit(speech.WhyDamaged)
			}
		}, speech.Unsupported},
		"asked for two days ago": {func(_ world, r *speech.Request) { r.At = time.Now().Add(-48 * time.Hour) }, speech.Failed},
	} {
		w := newWorld(nil)
		r := w.voice(time.Second)
		row.change(w, &r)
		if err := w.Transcribe(t.Context(), r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.wants(t, row.want, "")
	}
}

func TestF27_FiveFailuresAreTheEndOfOneMessageAndNotOfAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(context.Context, speech.Piece) (speech.Transcript, error) {
			return speech.Transcript{}, speech.ErrUnavailable.Because(errors.New("nonsense"))
		}
		if err := w.Transcribe(t.Context(), w.voice(time.Second)); err != nil {
			t.Error(err)
		}
		w.wants(t, speech.Failed, "")
		if n := len(w.provider.Asked()); n != 5 {
			t.Errorf("%d tries", n)
		}
		w.provider.Say = nil
		next := w.voice(time.Second)
		next.Seq = 8
		if err := w.Transcribe(t.Context(), next); err != nil { // waits until the provider may be asked again
			t.Error(err)
		}
		if got := w.voices.Outcomes(); len(got) != 2 || got[1].State != speech.Done {
			t.Errorf("stored %+v", got)
		}
	})
}

func TestF27_WhileTheProviderIsAwayAMessageWaitsADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		away := func(context.Context, speech.Piece) (speech.Transcript, error) {
			return speech.Transcript{}, speech.ErrUnavailable.Because(speech.ErrAway)
		}
		w.provider.Say = away
		for range 2 { // the failures of others open the breaker
			_, _ = w.dictate(t.Context(), ids.NewUser(), time.Second)
		}
		r, start := w.voice(time.Second), time.Now()
		rounds := 0
		var err error
		for err = w.Transcribe(t.Context(), r); errors.Is(err, speech.ErrLater); err = w.Transcribe(t.Context(), r) {
			if held := time.Since(start); held > 25*time.Hour {
				t.Fatal("it waits for ever")
			}
			rounds++
		}
		if err != nil || rounds < 100 || rounds > 400 {
			t.Errorf("%v after %d rounds", err, rounds)
		}
		w.wants(t, speech.Failed, "")
		if n := len(w.provider.Asked()); n > 200 {
			t.Errorf("a provider that is away was asked %d times", n)
		}
	})
}

// The broker would take a message away that is worked on for too long, and give it to the next one.
func TestAProviderThatHangsIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(ctx context.Context, _ speech.Piece) (speech.Transcript, error) {
			<-ctx.Done()
			return speech.Transcript{}, speech.ErrUnavailable.Because(ctx.Err())
		}
		start := time.Now()
		if err := w.Transcribe(t.Context(), w.voice(5*time.Minute)); err != nil {
			t.Error(err)
		}
		w.wants(t, speech.Failed, "")
		if took := time.Since(start); took > 25*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAMessageThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(nil)
	r := w.voice(time.Second)
	r.File = ids.NewFile()
	if err := w.Transcribe(t.Context(), r); err != nil {
		t.Error(err)
	}
	r = w.voice(time.Second)
	w.voices.Fail(speech.ErrGone)
	if err := w.Transcribe(t.Context(), r); err != nil {
		t.Error(err)
	}
	if got := w.voices.Outcomes(); len(got) != 0 {
		t.Errorf("stored %+v", got)
	}
}

// What was paid for is not thrown away because it cannot be stored at once.
func TestATextIsKeptUntilItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.voices.Fail(fault.ErrUnavailable)
		go func() {
			<-time.After(30 * time.Second)
			w.voices.Fail(nil)
		}()
		if err := w.Transcribe(t.Context(), w.voice(time.Second)); err != nil {
			t.Error(err)
		}
		w.wants(t, speech.Done, "hello")
		if n := len(w.provider.Asked()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestWhenTheProcessEndsAMessageGoesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		w.provider.Say = func(ctx context.Context, _ speech.Piece) (speech.Transcript, error) {
			<-ctx.Done()
			return speech.Transcript{}, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-time.After(time.Second)
			cancel()
		}()
		if err := w.Transcribe(ctx, w.voice(time.Second)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if got := w.voices.Outcomes(); len(got) != 0 {
			t.Errorf("stored %+v", got)
		}
	})
}

func TestAMessageWaitsWhileItsFileOrTheDaysBudgetIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(func(_ *speech.Ports, o *speech.Options) { o.Daily = time.Minute })
		w.voices.ReadErr = fault.ErrUnavailable
		if err := w.Transcribe(t.Context(), w.voice(time.Second)); !errors.Is(err, speech.ErrLater) {
			t.Errorf("%v", err)
		}
		w.voices.ReadErr = nil
		if err := w.Transcribe(t.Context(), w.voice(2*time.Minute)); !errors.Is(err, speech.ErrLater) {
			t.Errorf("%v", err)
		}
		if len(w.voices.Outcomes()) != 0 || len(w.provider.Asked()) != 0 {
			t.Error("something was read or stored")
		}
	})
}
