// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// The hand-over to the message service.
const (
	// handOverTimeout is shorter than a call's deadline, so that an acceptance can still be answered.
	handOverTimeout = 2 * time.Second
	sweepEvery      = time.Second
	// sweepAge leaves alone what a call is handing over just now.
	sweepAge = 2 * handOverTimeout
	// sweepPage bounds one round. Chosen; no evidence.
	sweepPage = 100
)

// conversation tries to hand an acceptance over at once, and answers the conversation, or zero if that
// did not work: then the sweep repeats it.
func (s *Service) conversation(ctx context.Context, r Relation) ids.ConversationID {
	if r.PendingSince == 0 {
		return r.openConversation()
	}
	id, err := s.handOver(ctx, r)
	if err != nil {
		s.logger.WarnContext(ctx, "conversation will be opened later", "error", err)
	}
	return id
}

// handOver tells the message service the present version of a relation. After nil it knows it, even if
// that could not be noted: then the sweep tells it again, which changes nothing.
func (s *Service) handOver(ctx context.Context, r Relation) (ids.ConversationID, error) {
	call, cancel := context.WithTimeout(ctx, handOverTimeout)
	defer cancel()
	var conversation ids.ConversationID
	var err error
	if r.Friends {
		conversation, err = s.ports.Conversations.Open(call, r.Pair, r.Version)
	} else {
		err = s.ports.Conversations.Close(call, r.Pair, r.Version)
	}
	if err != nil {
		return ids.ConversationID{}, err
	}
	if err := s.ports.Store.HandedOver(ctx, r.Pair, r.Version, conversation); err != nil {
		s.logger.WarnContext(ctx, "hand-over was not noted", "error", err)
	}
	return conversation, nil
}

// RunSweep repeats hand-overs that wait, each second, until ctx ends.
func (s *Service) RunSweep(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	failing := false
	for {
		err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.logger.WarnContext(ctx, "hand-overs wait", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Sweep repeats the hand-overs that wait, once. It stops at the first that meets no answer, because the
// others would meet none either; one that is refused must not hold up those behind it.
func (s *Service) Sweep(ctx context.Context) error {
	waiting, err := s.ports.Store.Waiting(ctx, s.now().Add(-sweepAge).UnixMilli(), sweepPage)
	if err != nil {
		return err
	}
	for _, r := range waiting {
		_, err := s.handOver(ctx, r)
		switch {
		case err == nil:
		case fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil:
			return err
		default:
			s.logger.ErrorContext(ctx, "hand-over was refused", "error", err)
		}
	}
	return nil
}
