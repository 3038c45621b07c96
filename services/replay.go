// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
)

// replay shows events that a search index could not take, one line each, and writes what it takes now.
func replay(ctx context.Context, s streams, w rebuilding) error {
	cfg, err := indexserver.LoadReplay(w.environ, w.owner)
	if err != nil {
		return err
	}
	written, left := 0, 0
	err = indexserver.Replay(ctx, cfg, w.texts.Kind, w.source, func(p indexer.Parked) {
		if p.Err == nil {
			written++
			fmt.Fprintf(s.out, "written  %s\n", strings.Join(p.Documents, " "))
			return
		}
		left++
		fmt.Fprintf(s.out, "parked   %s  %v\n", strings.Join(p.Documents, " "), p.Err)
	})
	if err != nil {
		return fmt.Errorf("%d parked events are written, the others stay: %w", written, err)
	}
	_, err = fmt.Fprintf(s.out, "%d events of %s are written, %d stay parked.\n", written, w.texts.Kind, left)
	return err
}
