// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/message/server"
)

func reindexCommand(s streams) *cobra.Command {
	var place resultPlace
	parked := false
	command := &cobra.Command{ //nolint:gosec // the example holds no credentials
		Use: "reindex", Short: "Fill a new search index from MySQL while the old one serves", Args: cobra.NoArgs,
		Long: "Fill a new index of messages in Elasticsearch from MySQL. The old one serves and follows meanwhile; then searches\n" +
			"change to the new one in one step and the old one is removed. It may be ended and started again at any time, and\n" +
			"goes on where it was. PARLEY_MYSQL_DSN is the database of message, PARLEY_ELASTICSEARCH_URL the server; bindings\n" +
			"below SERVICE_BINDING_ROOT may name them instead. `parley dev` has no need of it: remove the folder message.index\n" +
			"of its data folder instead, and it is filled at the next start.\n\n" +
			"In a cluster `kubectl parley reindex NAME` runs it as a Job. With PARLEY_OPS_LISTEN it tells at /statusz how far it is.\n\n" +
			"--parked looks at the events that the index could not take, which lie in the queue message.search.dead, and\n" +
			"writes what it takes now; the others stay. It needs PARLEY_RABBITMQ_URL too.\n\n" +
			"Exit status 21: settings are wrong, or the server does not fit. After another one it may be tried again.",
		Example: "  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_message PARLEY_ELASTICSEARCH_URL=http://search:9200 parley reindex",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if parked {
				return replay(cmd.Context(), s)
			}
			place.asked = cmd.Flags().Changed(flagResult)
			result := component.ReindexResult{}
			err := reindex(cmd.Context(), s, &result)
			return errors.Join(err, place.leave(result))
		},
	}
	place.addTo(command.Flags())
	command.Flags().BoolVar(&parked, "parked", false, "show parked events and write what the index takes now")
	return command
}

func reindex(ctx context.Context, s streams, result *component.ReindexResult) error {
	cfg, err := server.LoadReindex(s.environ)
	if err != nil {
		result.Reason = reasonConfiguration
		return failure{reasonConfiguration, err}
	}
	bar := newProgress(s.out)
	err = server.Reindex(ctx, cfg, version, func(done, total int64) {
		result.Done, result.Total = done, total
		bar.show(done, total)
	})
	bar.end()
	if err != nil {
		result.Store, result.Reason = server.ReindexTrouble(err)
		err = fmt.Errorf("the old index still serves; start it again to go on: %w", err)
		if result.Reason == string(component.ClassUnfit) {
			return failure{reasonConfiguration, err} // another try cannot help
		}
		return err // also what refuses a password: one that was changed reaches the pod within minutes
	}
	_, err = fmt.Fprintln(s.out, "The new index serves, the old one is gone.")
	return err
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
