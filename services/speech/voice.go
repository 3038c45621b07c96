// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// patience is how long the text of a voice message is waited for while nobody reads.
	patience = 24 * time.Hour
	// hold is how long one is kept here meanwhile, and workFor how long one is worked on in all: the broker gives
	// nobody more than half an hour.
	hold    = 5 * time.Minute
	workFor = 20 * time.Minute
	// Pauses between tries to store an outcome, and how long it is tried: the provider was paid for it.
	firstStorePause = 200 * time.Millisecond
	maxStorePause   = 5 * time.Second
	storeFor        = 2 * time.Minute
)

// Request is a voice message whose text is wanted.
type Request struct {
	Conversation ids.ConversationID
	Seq          int64
	// Attempt counts the requests of one message.
	Attempt int32
	File    ids.FileID
	// Duration as the message tells it; 0: unknown.
	Duration time.Duration
	// At is when it was asked for.
	At time.Time
}

// Reads tells whether there is a provider.
func (s *Service) Reads() bool { return s.ports.Provider != nil }

// Transcribe reads a voice message and stores what came of it. Nil: it is settled. ErrLater or the error of
// ctx: it must come again, and nothing was stored.
func (s *Service) Transcribe(ctx context.Context, r Request) error {
	length, state, t, err := s.hear(ctx, r)
	if err == nil {
		err = s.store(ctx, r, state, t)
	}
	outcome := outcomeOf(err)
	if err == nil && state != Done {
		outcome = map[State]string{Unsupported: "unfit", Failed: "failed"}[state]
	}
	s.options.Observe(KindVoice, outcome, length)
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// hear answers an outcome that is final, or why there is none yet.
func (s *Service) hear(ctx context.Context, r Request) (time.Duration, State, Transcript, error) {
	switch {
	case s.options.Now().Sub(r.At) > patience:
		return 0, Failed, Transcript{}, nil
	case r.Duration > s.options.MaxDuration:
		return 0, Unsupported, Transcript{}, nil
	}
	work, cancel := context.WithTimeout(ctx, workFor)
	defer cancel()
	length, t, err := s.readVoice(work, r)
	switch {
	case err == nil:
		return length, Done, t, nil
	case ctx.Err() != nil:
		return length, 0, Transcript{}, ctx.Err()
	case errors.Is(err, ErrGone), errors.Is(err, ErrLater):
		return length, 0, Transcript{}, err
	}
	s.options.Logger.WarnContext(ctx, "voice message not read",
		"conversation_id", r.Conversation.String(), "seq", r.Seq, "attempt", r.Attempt, "error", err)
	if errors.Is(err, ErrAudioUnfit) {
		return length, Unsupported, Transcript{}, nil
	}
	return length, Failed, Transcript{}, nil
}

func (s *Service) readVoice(ctx context.Context, r Request) (time.Duration, Transcript, error) {
	recording, err := s.ports.Recordings.Read(ctx, r.File)
	if err != nil {
		return 0, Transcript{}, laterIfAway(err)
	}
	pieces, length, err := s.prepare(ctx, recording, s.options.MaxDuration, orElse(r.Duration, s.options.MaxDuration))
	if err != nil {
		return 0, Transcript{}, err
	}
	if err := s.budget.take(ids.UserID{}, length); err != nil {
		return length, Transcript{}, s.later(ctx, err)
	}
	started := s.options.Now()
	t, err := s.readAll(ctx, pieces, "", func(ctx context.Context, why error) error {
		if s.options.Now().Sub(started) >= hold {
			return ErrLater
		}
		return s.breaker.wait(ctx, min(retryAfter(why), hold))
	})
	if err != nil {
		s.budget.giveBack(ids.UserID{}, length)
	}
	return length, t, err
}

// later holds a voice message back for a while: it comes again, and too soon would help nobody.
func (s *Service) later(ctx context.Context, why error) error {
	s.options.Logger.WarnContext(ctx, "voice messages wait", "error", why)
	if err := rest(ctx, min(retryAfter(why), hold)); err != nil {
		return err
	}
	return ErrLater
}

// store keeps an outcome.
func (s *Service) store(ctx context.Context, r Request, state State, t Transcript) error {
	ctx, cancel := context.WithTimeout(ctx, storeFor)
	defer cancel()
	for pause := firstStorePause; ; pause = min(2*pause, maxStorePause) {
		err := s.ports.Transcripts.Set(ctx, r, state, t)
		if err == nil || errors.Is(err, ErrGone) {
			return err
		}
		s.options.Logger.WarnContext(ctx, "transcript not stored", "seq", r.Seq, "error", err)
		if rest(ctx, pause) != nil {
			return ErrLater
		}
	}
}

// laterIfAway turns the error of a component that is away.
func laterIfAway(err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, ErrAudioUnfit) {
		return err
	}
	return errors.Join(ErrLater, err)
}

func retryAfter(err error) time.Duration {
	known, ok := fault.Of(err)
	if !ok || known.RetryAfter() <= 0 {
		return time.Second
	}
	return known.RetryAfter()
}
