// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/sqldb"
	messageserver "github.com/parley-chat/parley/services/message/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

func reindexCommand(s streams) *cobra.Command {
	var place resultPlace
	var prefix string
	parked := false
	command := &cobra.Command{
		Use: "reindex [SERVICE...]", Short: "Fill new search indices from MySQL while the old ones serve",
		Long: "Fill new indices in Elasticsearch from MySQL: of messages, which belong to message, and of nicknames, which\n" +
			"belong to user. The old one serves and follows meanwhile; then searches change to the new one in one step and the\n" +
			"old one is removed. It may be ended and started again at any time, and goes on where it was.\n\n" +
			"PARLEY_MYSQL_DSN is the server; without a schema at its end each service has <prefix>_<service>, with one it is\n" +
			"that of one service: of user if it ends in _user, else of message. PARLEY_ELASTICSEARCH_URL is the other server;\n" +
			"bindings below SERVICE_BINDING_ROOT may name both instead. `parley dev` has no need of it: remove the folders\n" +
			"message.index and user.index of its data folder instead, and they are filled at the next start.\n\n" +
			"In a cluster `kubectl parley reindex NAME` runs it as a Job. With PARLEY_OPS_LISTEN it tells at /statusz how far it is.\n\n" +
			"--parked looks at the events that an index could not take, which lie in the queues message.search.dead and\n" +
			"user.search.dead, and writes what it takes now; the others stay. It needs PARLEY_RABBITMQ_URL too.\n\n" +
			"Exit status 21: settings are wrong, or the server does not fit. After another one it may be tried again.",
		Example: "  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/ PARLEY_ELASTICSEARCH_URL=http://search:9200 parley reindex\n" +
			"  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_user PARLEY_ELASTICSEARCH_URL=http://search:9200 parley reindex",
		RunE: func(cmd *cobra.Command, names []string) error {
			place.asked = cmd.Flags().Changed(flagResult)
			wanted, err := selectIndices(s.environ, names, prefix)
			if err != nil {
				return errors.Join(failure{reasonConfiguration, err}, place.leave(component.ReindexResult{Reason: reasonConfiguration}))
			}
			for _, w := range wanted {
				if err := w.run(cmd.Context(), s, parked, place); err != nil {
					return err
				}
			}
			return nil
		},
	}
	place.addTo(command.Flags())
	command.Flags().BoolVar(&parked, "parked", false, "show parked events and write what the index takes now")
	command.Flags().StringVar(&prefix, "prefix", defaultPrefix, "start of the schemas' names")
	return command
}

// rebuilding is one index that is filled anew, with the settings as its service sees them.
type rebuilding struct {
	owner   component.Name
	environ map[string]string
	texts   indexserver.Collection
	source  func(db *sqldb.DB) indexer.Source
}

func (w rebuilding) run(ctx context.Context, s streams, parked bool, place resultPlace) error {
	if parked {
		return replay(ctx, s, w)
	}
	result := component.ReindexResult{}
	err := w.fill(ctx, s, &result)
	return errors.Join(err, place.leave(result))
}

func (w rebuilding) fill(ctx context.Context, s streams, result *component.ReindexResult) error {
	cfg, err := indexserver.LoadRebuild(w.environ, w.owner)
	if err != nil {
		result.Reason = reasonConfiguration
		return failure{reasonConfiguration, fmt.Errorf("%w: parley reindex --help has examples", err)}
	}
	bar := newProgress(s.out, w.texts.Kind)
	err = indexserver.Rebuild(ctx, cfg, w.texts, version, func(done, total int64) {
		result.Done, result.Total = done, total
		bar.show(done, total)
	})
	bar.end()
	if err != nil {
		result.Store, result.Reason = indexserver.RebuildTrouble(err)
		err = fmt.Errorf("the old index of %s still serves; start it again to go on: %w", w.texts.Kind, err)
		if result.Reason == string(component.ClassUnfit) {
			return failure{reasonConfiguration, err} // another try cannot help
		}
		return err // also what refuses a password: one that was changed reaches the pod within minutes
	}
	_, err = fmt.Fprintf(s.out, "The new index of %s serves, the old one is gone.\n", w.texts.Kind)
	return err
}

// selectIndices gives the indices of the named services; no names are all that the settings bind.
func selectIndices(environ map[string]string, names []string, prefix string) ([]rebuilding, error) {
	if !schemaPrefix.MatchString(prefix) {
		return nil, errors.New("--prefix: use at most 24 of a-z, 0-9 and _, starting with a letter")
	}
	if len(names) == 0 {
		var err error
		if names, err = boundIndices(environ); err != nil {
			return nil, err
		}
	}
	var wanted []rebuilding
	for _, name := range names {
		w := rebuilding{owner: component.Name(name)}
		switch w.owner {
		case component.Message:
			w.texts, w.source = messageserver.Collection(), messageserver.Source
		case component.User:
			w.texts, w.source = userserver.Collection(), userserver.Source
		default:
			return nil, fmt.Errorf("%q has no search index: name message or user", name)
		}
		var err error
		if w.environ, err = schemaEnvironment(environ, w.owner, prefix); err != nil {
			return nil, err
		}
		wanted = append(wanted, w)
	}
	return wanted, nil
}

// boundIndices: a DSN without a schema means all, one of user its own, any other that of message.
func boundIndices(environ map[string]string) ([]string, error) {
	bound, err := process.Complete(environ, component.Message)
	if err != nil {
		return nil, err
	}
	message, user := string(component.Message), string(component.User)
	dsn := bound[component.EnvMySQLDSN]
	if dsn == "" {
		return []string{message}, nil // what is missing is said later
	}
	_, schema, err := complete(dsn, "")
	switch {
	case err != nil:
		return nil, err
	case strings.HasSuffix(schema, "_"+user):
		return []string{user}, nil
	case schema != "", strings.HasPrefix(dsn, "sqlite:"):
		return []string{message}, nil
	default:
		return []string{user, message}, nil // that of messages is the long one, and what is told at the end
	}
}

// schemaEnvironment completes a DSN that has no schema with the one of a service.
func schemaEnvironment(environ map[string]string, name component.Name, prefix string) (map[string]string, error) {
	bound, err := process.Complete(environ, name)
	if err != nil || bound[component.EnvMySQLDSN] == "" {
		return bound, err
	}
	dsn, _, err := complete(bound[component.EnvMySQLDSN], prefix+"_"+string(name))
	if err != nil {
		return nil, err
	}
	own := maps.Clone(bound)
	own[component.EnvMySQLDSN] = dsn.Reveal()
	return own, nil
}

// Widths and pace of a progress bar.
const (
	barWidth  = 30
	lineEvery = 5 * time.Second
)

// progress shows how far long work is: a bar that moves on a terminal, else a line now and then.
type progress struct {
	out      io.Writer
	noun     string
	terminal bool
	shown    time.Time
	drawn    bool
}

func newProgress(out io.Writer, noun string) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, noun: noun, terminal: ok && term.IsTerminal(int(file.Fd()))}
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
		fmt.Fprintf(p.out, "%3d %%  %d of %d %s\n", percent, done, total, p.noun)
		return
	}
	full := int(percent) * barWidth / 100
	fmt.Fprintf(p.out, "\r[%s%s] %3d %%  %d of %d %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), percent, done, total, p.noun)
}

func (p *progress) end() {
	if p.terminal && p.drawn {
		fmt.Fprintln(p.out)
	}
}
