// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/services/message/indexer"
	"github.com/parley-chat/parley/services/message/server"
)

// replay shows events that the search index could not take, one line each, and writes what it takes now.
func replay(ctx context.Context, s streams) error {
	cfg, err := server.LoadReplay(s.environ)
	if err != nil {
		return err
	}
	written, left := 0, 0
	err = server.Replay(ctx, cfg, func(p indexer.Parked) {
		if p.Err == nil {
			written++
			fmt.Fprintf(s.out, "written  %s\n", strings.Join(p.Messages, " "))
			return
		}
		left++
		fmt.Fprintf(s.out, "parked   %s  %v\n", strings.Join(p.Messages, " "), p.Err)
	})
	if err != nil {
		return fmt.Errorf("%d parked events are written, the others stay: %w", written, err)
	}
	_, err = fmt.Fprintf(s.out, "%d events are written, %d stay parked.\n", written, left)
	return err
}
