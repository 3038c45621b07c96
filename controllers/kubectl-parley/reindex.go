// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// reindexTimeout is above the longest that a rebuild may take by default, one day.
const reindexTimeout = 25 * time.Hour

func (p *plugin) reindexCommand() *cobra.Command {
	var follow bool
	var timeout time.Duration
	command := &cobra.Command{
		Use: "reindex [NAME]", Short: "Fill a new search index while the old one serves", Args: cobra.MaximumNArgs(1),
		Long: "Set the annotation " + chatv1alpha1.AnnotationReindex + ". The operator runs a Job that fills a new search index from MySQL\n" +
			"while the old one serves; then searches change to the new one in one step. One runs at a time. A change of version\n" +
			"ends it, and it goes on when the new version serves. To end it for good, remove the annotation:\n" +
			"  kubectl annotate chat demo " + chatv1alpha1.AnnotationReindex + "-",
		Example:           "  kubectl parley reindex demo\n  kubectl parley reindex demo --wait",
		ValidArgsFunction: p.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			request := p.now().UTC().Format(time.RFC3339)
			if err := c.reindex(cmd.Context(), found, request); err != nil {
				return err
			}
			if !follow {
				_, err := fmt.Fprintf(p.out, "a new search index will be filled; follow with: kubectl parley -n %s status %s\n", found.Namespace, found.Name)
				return err
			}
			return c.followReindex(cmd.Context(), p.out, found, request, timeout)
		},
	}
	command.Flags().BoolVar(&follow, "wait", false, "show the progress until the new index serves")
	command.Flags().DurationVar(&timeout, "timeout", reindexTimeout, "how long --wait waits; the rebuild goes on without it")
	return command
}

// reindex asks the operator for a rebuild, unless that makes no sense now.
func (c *cluster) reindex(ctx context.Context, found *chatv1alpha1.ChatCluster, request string) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		// The operator writes the status of the same object now and then.
		if err := c.Get(ctx, client.ObjectKeyFromObject(found), found); err != nil {
			return explain(err, "read ChatClusters")
		}
		if err := refuseReindex(found); err != nil {
			return err
		}
		before := found.DeepCopy()
		metav1.SetMetaDataAnnotation(&found.ObjectMeta, chatv1alpha1.AnnotationReindex, request)
		err := c.Patch(ctx, found, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		return explain(err, "annotate ChatClusters")
	})
}

func refuseReindex(c *chatv1alpha1.ChatCluster) error {
	status := fmt.Sprintf("kubectl parley -n %s status %s", c.Namespace, c.Name)
	if c.Spec.Dependencies.Elasticsearch == nil {
		return fmt.Errorf("%s has no search index: name an Elasticsearch in spec.dependencies.elasticsearch first", c.Name)
	}
	for _, d := range c.Status.Dependencies {
		if d.Name == string(component.Elasticsearch) && d.Ready == metav1.ConditionFalse {
			return fmt.Errorf("Elasticsearch is not bound or does not serve (%s): %s says what to do", d.Reason, status) //nolint:staticcheck // a name
		}
	}
	s, asked := c.Status.Search, strings.TrimSpace(c.Annotations[chatv1alpha1.AnnotationReindex])
	switch {
	case isRebuilding(s):
		return fmt.Errorf("a rebuild is under way (%s): %s shows it; kubectl -n %s annotate chat %s %s- ends it",
			s.Phase, status, c.Namespace, c.Name, chatv1alpha1.AnnotationReindex)
	case asked != "" && (s == nil || s.Request != asked):
		return fmt.Errorf("a rebuild was asked for at %s, and the operator has not seen it yet: %s says whether it runs", asked, status)
	default:
		return nil
	}
}

func isRebuilding(s *chatv1alpha1.SearchStatus) bool {
	return s != nil && (s.Phase == chatv1alpha1.SearchWaiting || s.Phase == chatv1alpha1.SearchRunning)
}

// followReindex shows the progress until the rebuild has ended, well or not.
func (c *cluster) followReindex(ctx context.Context, out io.Writer, found *chatv1alpha1.ChatCluster, request string, timeout time.Duration) error {
	bar := newProgress(out)
	var ended error
	err := wait.PollUntilContextTimeout(ctx, c.every, timeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(found), found); err != nil {
			return false, nil //nolint:nilerr // an API server that is away for a moment ends nothing
		}
		s := found.Status.Search
		if s == nil || s.Request != request {
			if found.Annotations[chatv1alpha1.AnnotationReindex] != request {
				return false, fmt.Errorf("somebody asked for something else meanwhile: see the annotation %s", chatv1alpha1.AnnotationReindex)
			}
			return false, bar.say("waiting for the operator")
		}
		message := conditionMessage(found, chatv1alpha1.ConditionSearchRebuilding)
		switch s.Phase {
		case chatv1alpha1.SearchWaiting:
			return false, bar.say("waiting: " + message)
		case chatv1alpha1.SearchRunning:
			return false, bar.show(s.Done, s.Total)
		case chatv1alpha1.SearchCompleted:
			return true, bar.show(s.Total, s.Total)
		default:
			ended = fmt.Errorf("%s: %s: kubectl parley -n %s status %s says what to do", s.Reason, message, found.Namespace, found.Name)
			return true, nil
		}
	})
	bar.end()
	switch {
	case wait.Interrupted(err):
		return fmt.Errorf("it has not ended yet and goes on: kubectl parley -n %s status %s shows it: %w", found.Namespace, found.Name, err)
	case err != nil:
		return err
	case ended != nil:
		return ended
	}
	_, err = fmt.Fprintln(out, "The new index serves, the old one is gone.")
	return err
}

func conditionMessage(c *chatv1alpha1.ChatCluster, kind string) string {
	if found := meta.FindStatusCondition(c.Status.Conditions, kind); found != nil {
		return found.Message
	}
	return ""
}

// barWidth of a progress bar.
const barWidth = 30

// progress shows how far a rebuild is: a bar that moves on a terminal, else a line per change.
type progress struct {
	out      io.Writer
	terminal bool
	last     string
	drawn    bool
}

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

func (p *progress) show(done, total int64) error {
	if total == 0 {
		return p.say("the Job starts")
	}
	percent := min(100, 100*done/total)
	text := fmt.Sprintf("%3d %%  %d of %d messages", percent, done, total)
	if !p.terminal {
		return p.say(text)
	}
	full := int(percent) * barWidth / 100
	p.drawn = true
	_, err := fmt.Fprintf(p.out, "\r[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), text)
	return err
}

// say prints a line that was not the last one.
func (p *progress) say(text string) error {
	if text == p.last {
		return nil
	}
	p.last = text
	p.end()
	_, err := fmt.Fprintln(p.out, text)
	return err
}

// end leaves the line of a bar.
func (p *progress) end() {
	if p.drawn {
		_, _ = fmt.Fprintln(p.out) // the next line tells what is wrong with the terminal
		p.drawn = false
	}
}
