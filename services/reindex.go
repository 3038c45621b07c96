// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-chat/parley/services/message/server"
)

func reindexCommand(s streams) *cobra.Command {
	return &cobra.Command{ //nolint:gosec // the example holds no credentials
		Use: "reindex", Short: "Fill a new search index from MySQL while the old one serves", Args: cobra.NoArgs,
		Long: "Fill a new index of messages in Elasticsearch from MySQL. The old one serves and follows meanwhile; then searches\n" +
			"change to the new one in one step and the old one is removed. It may be ended and started again at any time, and\n" +
			"goes on where it was. PARLEY_MYSQL_DSN is the database of message, PARLEY_ELASTICSEARCH_URL the server; bindings\n" +
			"below SERVICE_BINDING_ROOT may name them instead. `parley dev` has no need of it: remove the folder message.index\n" +
			"of its data folder instead, and it is filled at the next start.",
		Example: "  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_message PARLEY_ELASTICSEARCH_URL=http://search:9200 parley reindex",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := server.LoadReindex(s.environ)
			if err != nil {
				return err
			}
			bar := newProgress(s.out)
			if err := server.Reindex(cmd.Context(), cfg, bar.show); err != nil {
				bar.end()
				return fmt.Errorf("the old index still serves; start it again to go on: %w", err)
			}
			bar.end()
			fmt.Fprintln(s.out, "The new index serves, the old one is gone.")
			return nil
		},
	}
}

// Widths and pace of a progress bar.
const (
	barWidth  = 30
	lineEvery = 5 * time.Second
)

// progress shows how far long work is: a bar that moves on a terminal, else a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	shown    time.Time
	drawn    bool
}

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

func (p *progress) show(done, total int64) {
	now := time.Now()
	pause := lineEvery
	if p.terminal {
		pause = time.Second / 10
	}
	if done < total && now.Sub(p.shown) < pause {
		return
	}
	p.shown, p.drawn = now, true
	percent := int64(100)
	if total > 0 {
		percent = 100 * done / total
	}
	if !p.terminal {
		fmt.Fprintf(p.out, "%3d %%  %d of %d messages\n", percent, done, total)
		return
	}
	full := int(percent) * barWidth / 100
	fmt.Fprintf(p.out, "\r[%s%s] %3d %%  %d of %d messages", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), percent, done, total)
}

func (p *progress) end() {
	if p.terminal && p.drawn {
		fmt.Fprintln(p.out)
	}
}
