// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// maxDictation is the longest recording of Recognize.
	maxDictation = 60 * time.Second
	// maxTries of a provider with one piece, and the pauses between them, each twice the one before.
	maxTries   = 5
	firstPause = 500 * time.Millisecond
	maxPause   = 8 * time.Second
	// callBase, callEach and maxCall bound one call: so much at least, so much for each second of sound, and so
	// much at most. Chosen: a machine without a graphics card needs about the time of the sound itself.
	callBase = 30 * time.Second
	callEach = 2
	maxCall  = 5 * time.Minute
)

// Kinds of work for Options.Observe.
const (
	KindDictation = "dictation"
	KindVoice     = "voice"
)

// Ports of the service. Recordings and Transcripts are needed by Transcribe only.
type Ports struct {
	Provider    Provider // nil: nobody reads recordings
	Converter   Converter
	Recordings  Recordings
	Transcripts Transcripts
}

// Options of the service.
type Options struct {
	// MaxDuration of a voice message; longer ones are not read.
	MaxDuration time.Duration
	// Daily bounds what this process reads in a day, UserDaily what it reads for one person who dictates;
	// 0: no bound.
	Daily, UserDaily time.Duration
	// Parallel is how many people who dictate are served at once; others wait.
	Parallel int
	// Language is likely spoken where nobody says more; may be empty.
	Language string
	// Observe hears of each recording with its kind, outcome and length; may be nil.
	Observe func(kind, outcome string, length time.Duration)
	Now     func() time.Time
	Logger  *slog.Logger
}

// Service reads recordings. It is safe for concurrent use.
type Service struct {
	ports   Ports
	options Options
	breaker *breaker
	budget  *budget
	slots   chan struct{}
}

// New makes a service.
func New(p Ports, o Options) *Service {
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	return &Service{
		ports: p, options: o, breaker: newBreaker(o.Now),
		budget: &budget{all: o.Daily, each: o.UserDaily, now: o.Now},
		slots:  make(chan struct{}, max(o.Parallel, 1)),
	}
}

// Dictation is a short recording of somebody who waits for the text.
type Dictation struct {
	Caller ids.UserID
	// Declared are the formats that the recording was said to be one of.
	Declared []Format
	Audio    []byte
	// Language is a BCP 47 tag; empty: Options.Language.
	Language string
}

// Recognize reads a dictation while the caller waits. ErrAudioUnfit, ErrQuotaExceeded, ErrUnavailable.
func (s *Service) Recognize(ctx context.Context, d Dictation) (Transcript, error) {
	length, t, err := s.dictate(ctx, d)
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrUnavailable.Because(err) // the caller can try a shorter one; nothing is in doubt
	}
	s.options.Observe(KindDictation, outcomeOf(err), length)
	if err != nil {
		s.options.Logger.InfoContext(ctx, "dictation not read", "outcome", outcomeOf(err), "error", err)
	}
	return t, err
}

func (s *Service) dictate(ctx context.Context, d Dictation) (length time.Duration, t Transcript, err error) {
	if s.ports.Provider == nil {
		return 0, Transcript{}, ErrUnavailable
	}
	recording := Recording{Format: Sniff(d.Audio), Bytes: d.Audio}
	if !slices.Contains(d.Declared, recording.Format) {
		return 0, Transcript{}, Unfit(WhyFormat)
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return 0, Transcript{}, ctx.Err()
	}
	pieces, length, err := s.prepare(ctx, recording, maxDictation, maxDictation)
	if err != nil {
		return 0, Transcript{}, err
	}
	if err := s.budget.take(d.Caller, length); err != nil {
		return length, Transcript{}, err
	}
	t, err = s.readAll(ctx, pieces, d.Language, func(_ context.Context, why error) error { return why })
	if err != nil {
		s.budget.giveBack(d.Caller, length)
	}
	return length, t, err
}

// prepare makes pieces that the provider reads. Where only the provider can read a format, its length is
// assumed.
func (s *Service) prepare(ctx context.Context, r Recording, longest, assumed time.Duration) ([]Piece, time.Duration, error) {
	abilities := s.ports.Provider.Abilities()
	sound, err := s.ports.Converter.Convert(ctx, r, longest)
	switch {
	case errors.Is(err, ErrNoConverter) && slices.Contains(abilities.Formats, r.Format):
		return []Piece{{Recording: r, Length: assumed}}, assumed, nil
	case errors.Is(err, ErrNoConverter):
		return nil, 0, Unfit(WhyConverter).Because(err)
	case err != nil:
		return nil, 0, err
	}
	var pieces []Piece
	for _, cut := range sound.Cut(abilities.MaxPiece) {
		pieces = append(pieces, Piece{Sound: cut, Length: cut.Duration()})
	}
	return pieces, sound.Duration(), nil
}

// readAll reads pieces in their order and joins what was understood.
func (s *Service) readAll(ctx context.Context, pieces []Piece, language string, open opened) (Transcript, error) {
	if language == "" || !IsLanguage(language) {
		language = s.options.Language
	}
	parts := make([]part, 0, len(pieces))
	for _, p := range pieces {
		if p.Language = language; len(p.Sound) == 0 && len(p.Recording.Bytes) == 0 {
			continue
		}
		t, err := s.read(ctx, p, open)
		if err != nil {
			return Transcript{}, err
		}
		parts = append(parts, part{t.clean(), p.Length})
	}
	return join(parts), nil
}

// opened says what to do while the provider is left alone: nil is to ask again.
type opened func(ctx context.Context, why error) error

// read tries a piece up to maxTries times. What the provider does to everybody is not counted: then it is
// left alone, and open decides.
func (s *Service) read(ctx context.Context, p Piece, open opened) (Transcript, error) {
	pause := firstPause
	for tries := 0; ; {
		probe, err := s.breaker.enter()
		if err != nil {
			if err = open(ctx, err); err != nil {
				return Transcript{}, err
			}
			continue
		}
		t, err := s.call(ctx, p)
		s.breaker.leave(ctx, probe, err)
		switch {
		case err == nil:
			return t, nil
		case ctx.Err() != nil:
			return Transcript{}, ctx.Err()
		case errors.Is(err, ErrAudioUnfit):
			return Transcript{}, err
		case errors.Is(err, ErrQuotaExceeded), errors.Is(err, ErrAccount), probe && errors.Is(err, ErrAway):
			s.options.Logger.WarnContext(ctx, "the provider reads nothing for now", "error", err)
			continue
		}
		if tries++; tries == maxTries {
			return Transcript{}, err
		}
		if err := rest(ctx, pause); err != nil {
			return Transcript{}, err
		}
		pause = min(2*pause, maxPause)
	}
}

// call is one call with its deadline.
func (s *Service) call(ctx context.Context, p Piece) (Transcript, error) {
	ctx, cancel := context.WithTimeout(ctx, min(callBase+callEach*p.Length, maxCall))
	defer cancel()
	return s.ports.Provider.Recognize(ctx, p)
}

// rest is a pause that ends with ctx.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// outcomeOf is a closed list, for metrics.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, ErrAudioUnfit):
		return "unfit"
	case errors.Is(err, ErrQuotaExceeded):
		return "quota"
	case errors.Is(err, ErrGone):
		return "gone"
	case errors.Is(err, context.Canceled), errors.Is(err, ErrLater):
		return "later"
	default:
		return "failed"
	}
}
