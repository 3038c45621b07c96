// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// raceRetries bounds how often a single message is tried again after ErrRaced. The second try sees
// what the first one met, so more than one means that something else is wrong.
const raceRetries = 3

// Run writes what Send queues until the context ends, then finishes the batches in flight. What is
// still queued after that is answered fault.ErrUnavailable.
func (s *Service) Run(ctx context.Context) error {
	var lanes sync.WaitGroup
	for _, l := range s.lanes {
		lanes.Go(func() { l.run(ctx, s.write) })
	}
	lanes.Wait()
	close(s.stopped)
	return nil
}

// Send stores one message and returns after the commit.
//
// A repeat with the same client message id and payload gets the first answer, whatever happened to
// the conversation since. Errors: fault.ErrInvalid, ErrNotFound, ErrReadOnly, ErrReused, ErrFileNotReady,
// ErrFilesUnavailable and ErrOverloaded store nothing; after fault.ErrUnavailable, and if ctx ends first, the outcome is
// unknown, and the same call may be repeated.
func (s *Service) Send(ctx context.Context, d Draft) (Sent, error) {
	r := s.SendBatch(ctx, []Draft{d})[0]
	return r.Sent, r.Err
}

// SendBatch is Send for many drafts, with one result for each in its place. Drafts for the same
// conversation are stored in their order. What has no file does not wait for the files of others, but for
// those before it in its conversation.
func (s *Service) SendBatch(ctx context.Context, drafts []Draft) []Result {
	results, tickets := make([]Result, len(drafts)), make([]*ticket, len(drafts))
	var waiting []Draft
	var place []int // of a waiting draft in drafts
	held := map[ids.ConversationID]bool{}
	for i, d := range drafts {
		if results[i].Err = d.Check(); results[i].Err != nil {
			continue
		}
		if held[d.Conversation] || d.mayShowFile() {
			held[d.Conversation] = true
			waiting, place = append(waiting, d), append(place, i)
			continue
		}
		tickets[i], results[i].Err = s.enqueue(d, cited{})
	}
	for k, c := range s.citeDrafts(ctx, waiting) {
		tickets[place[k]], results[place[k]].Err = s.enqueue(waiting[k], c)
	}
	for i, t := range tickets {
		if t != nil {
			results[i] = s.await(ctx, t)
		}
	}
	return results
}

// mayShowFile tells whether the file service must be asked before the draft is stored.
func (d Draft) mayShowFile() bool { return !d.Attach.IsZero() || !d.Forward.IsZero() }

func (s *Service) enqueue(d Draft, c cited) (*ticket, error) {
	t := &ticket{
		pending: Pending{
			Draft: d, Hash: d.Hash(), ID: ids.NewMessage(), EventID: ids.NewEvent(), Cited: c.file, Refused: c.err,
		},
		result: make(chan Result, 1),
	}
	if s.transcripts && d.mayShowFile() {
		t.pending.SpeechEvent = ids.NewEvent()
	}
	if !s.lane(d.Conversation).put(t) {
		return nil, ErrOverloaded
	}
	return t, nil
}

// await waits for the answer. Whoever stops waiting takes nothing from the others: the batch runs on
// the context of the lane.
func (s *Service) await(ctx context.Context, t *ticket) Result {
	select {
	case r := <-t.result:
		return r
	case <-ctx.Done():
		return Result{Err: fault.ErrUnavailable.Because(ctx.Err())}
	case <-s.stopped:
	}
	select {
	case r := <-t.result:
		return r
	default:
		return Result{Err: fault.ErrUnavailable}
	}
}

// lane of a conversation: all its messages from this pod pass one writer, so they seldom wait for
// each other's row locks.
func (s *Service) lane(id ids.ConversationID) *lane {
	h := fnv.New32a()
	_, _ = h.Write(id[:])
	return s.lanes[h.Sum32()%uint32(len(s.lanes))] //nolint:gosec // a few lanes
}

// write stores one batch and answers its senders. The commit is not cut off when the lane stops; it
// has a deadline of its own.
func (s *Service) write(ctx context.Context, batch []*ticket) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	s.commit(ctx, batch, raceRetries)
}

func (s *Service) commit(ctx context.Context, batch []*ticket, retries int) {
	pending := make([]Pending, len(batch))
	for i, t := range batch {
		pending[i] = t.pending
	}
	committed, err := s.store.Append(ctx, pending, s.nowMillis())
	switch {
	case err == nil:
		s.publisher.Publish(committed.Events...)
		for i, t := range batch {
			t.result <- committed.Results[i]
		}
	case errors.Is(err, ErrRaced) && len(batch) > 1:
		half := len(batch) / 2
		s.commit(ctx, batch[:half], retries)
		s.commit(ctx, batch[half:], retries)
	case errors.Is(err, ErrRaced) && retries > 0:
		s.commit(ctx, batch, retries-1)
	default:
		for _, t := range batch {
			t.result <- Result{Err: unknownOutcome(err)}
		}
	}
}
