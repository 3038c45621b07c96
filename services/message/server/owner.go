// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/sqldb"
)

// beatEvery is how often the owner of the schema says that it is alive; another cluster may take the
// schemas over after five minutes of silence.
const beatEvery = time.Minute

// owner keeps another cluster from taking the schemas.
type owner struct {
	db     *sqldb.DB
	uid    string
	logger *slog.Logger
	every  time.Duration
}

// run writes signs of life until ctx ends. The log tells a trouble once, and again when it changes.
func (o owner) run(ctx context.Context) error {
	ticker := time.NewTicker(o.every)
	defer ticker.Stop()
	told := ""
	for {
		if now := o.beat(ctx); now != told && ctx.Err() == nil {
			if told = now; told != "" {
				o.logger.WarnContext(ctx, "no sign of life in the database", "trouble", told)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// beat answers what went wrong, in words that are the same each time.
func (o owner) beat(ctx context.Context) string {
	ours, err := o.db.Beat(ctx, o.uid)
	switch {
	case err != nil:
		return "it cannot be written: " + err.Error()
	case !ours:
		return "another ChatCluster has taken the schema"
	default:
		return ""
	}
}
