// SPDX-License-Identifier: Apache-2.0

// Package retry waits for what comes by itself.
package retry

import (
	"context"
	"time"
)

// Until tries again every so often until do succeeds, and answers its last error when the time is over.
func Until(ctx context.Context, patience, every time.Duration, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last error
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // an attempt that was cut short says less than the one before it
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}
