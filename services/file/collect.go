// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// collectPause lies between two rounds of the collector; a round takes at most collectBatch of each kind.
	collectPause = time.Minute
	collectBatch = 100
	// strayLife is how old parts of a write may become that no row knows: twice the life of an upload.
	strayLife = 2 * uploadLife
)

// RunCollector removes what nothing needs, round by round, until ctx ends. Any number of processes may run it.
func (s *Service) RunCollector(ctx context.Context) error {
	ticker := time.NewTicker(collectPause)
	defer ticker.Stop()
	for {
		if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "files are collected later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Collect is one round. Each step stands alone: one that fails is tried again in the next round.
func (s *Service) Collect(ctx context.Context) error {
	var errs []error
	for _, step := range []func(context.Context) error{
		s.collectExpired, s.askHolders, s.collectUncited, s.emptyDoomed, s.forget, s.removeStrays,
	} {
		errs = append(errs, step(ctx))
	}
	return errors.Join(errs...)
}

// collectExpired ends uploads that took too long.
func (s *Service) collectExpired(ctx context.Context) error {
	now := s.millis()
	found, err := s.ports.Leftovers.Expired(ctx, now, collectBatch)
	return errors.Join(err, s.removeAll(ctx, found, Removal{From: Uploading, ExpiredBefore: now}))
}

// collectUncited ends files that nothing shows for a day.
func (s *Service) collectUncited(ctx context.Context) error {
	before := s.now().Add(-uncitedLife).UnixMilli()
	found, err := s.ports.Leftovers.Uncited(ctx, before, collectBatch)
	return errors.Join(err, s.removeAll(ctx, found, Removal{From: Complete, UncitedBefore: before}))
}

func (s *Service) removeAll(ctx context.Context, files []ids.FileID, r Removal) error {
	var errs []error
	for _, id := range files {
		r.File, r.KeepUntil = id, s.now().Add(rowLife).UnixMilli()
		_, err := s.ports.Uploads.Remove(ctx, r)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// askHolders finds citations whose holders show the file no longer, or never did.
func (s *Service) askHolders(ctx context.Context) error {
	now := s.millis()
	due, err := s.ports.Citations.Due(ctx, now, collectBatch)
	if err != nil || len(due) == 0 {
		return err
	}
	citations := make([]Citation, len(due))
	for i, c := range due {
		citations[i] = c.Citation
	}
	shown, err := s.ports.Holders.Shown(ctx, citations)
	if err != nil {
		return err
	}
	var kept, gone []Cited
	for i, c := range due {
		if shown[i] {
			kept = append(kept, c)
		} else {
			gone = append(gone, c)
		}
	}
	return errors.Join(
		s.ports.Citations.Postpone(ctx, kept, s.now().Add(nextLook).UnixMilli()),
		s.ports.Citations.Withdraw(ctx, gone, now),
	)
}

// emptyDoomed removes the bytes of removed files.
func (s *Service) emptyDoomed(ctx context.Context) error {
	doomed, err := s.ports.Leftovers.Ended(ctx, Removing, math.MaxInt64, collectBatch)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range doomed {
		errs = append(errs, s.empty(ctx, f))
	}
	return errors.Join(errs...)
}

// forget removes rows that nobody asks for any more. What came after the bytes were removed goes first: a
// presigned request lives on when its file does not, and a process that writes may end before it sees that.
// By now neither can bring anything. Usage of yesterday is kept: clocks differ.
func (s *Service) forget(ctx context.Context) error {
	ended, err := s.ports.Leftovers.Ended(ctx, Removed, s.millis(), collectBatch)
	if err != nil {
		return err
	}
	var gone []ids.FileID
	var errs []error
	for _, f := range ended {
		if err := s.deleteBytes(ctx, f); err != nil {
			errs = append(errs, err)
			continue
		}
		gone = append(gone, f.ID)
	}
	return errors.Join(append(errs, s.ports.Leftovers.Forget(ctx, gone, day(s.now())-1))...)
}

// removeStrays removes parts of writes that are older than any upload. A process that ends while it
// writes for an upload that was just removed leaves such. The blob that lies under such a key, if it was finished,
// stays.
func (s *Service) removeStrays(ctx context.Context) error {
	before := s.now().Add(-strayLife)
	after := ""
	for {
		parts, err := s.ports.Writes.Unfinished(ctx, after, collectBatch)
		if err != nil {
			return storeError(err)
		}
		for _, p := range parts {
			after = p.Key
			if !p.ModifiedAt.Before(before) {
				continue
			}
			if err := s.ports.Writes.Abort(ctx, blob.Upload{Key: p.Key}); err != nil {
				return storeError(err)
			}
		}
		if len(parts) < collectBatch {
			return nil
		}
	}
}
