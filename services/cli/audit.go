// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	auditv1 "github.com/parley-chat/parley/api/gen/parley/audit/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

// auditPage is how many entries are asked for at once.
const auditPage = 100

// wish chooses entries.
type wish struct {
	actor, target, action string
	since                 time.Duration
	limit                 int
}

func (a *admin) auditCommand() *cobra.Command {
	var w wish
	command := &cobra.Command{
		Use: "audit", Short: "Read the audit log, newest first", Args: exactly(0),
		Long: "Read what was done with accounts and with messages, newest first, in one list. That the log was read is an entry\n" +
			"itself. For auditors, administrators and owners.",
		Example: "  parley admin audit --target wang.fang\n" +
			"  parley admin audit --actor li.wei --action account.suspended --since 720h -o json",
		RunE: a.run(func(cmd *cobra.Command, _ []string, c clients) error {
			filter, err := a.filter(cmd.Context(), c, w)
			if err != nil {
				return err
			}
			return a.printEntries(cmd.Context(), c, filter, w.limit)
		}),
	}
	flags := command.Flags()
	flags.StringVar(&w.actor, "actor", "", "who acted: username or id")
	flags.StringVar(&w.target, "target", "", "on whom: username or id")
	flags.StringVar(&w.action, "action", "", "what was done, like account.suspended or message.removed")
	flags.DurationVar(&w.since, "since", 0, "how far back, like 24h; without it all")
	flags.IntVar(&w.limit, "limit", auditPage, "most entries to show")
	return command
}

func (a *admin) filter(ctx context.Context, c clients, w wish) (*auditv1.Filter, error) {
	filter := &auditv1.Filter{Action: w.action}
	if w.since > 0 {
		filter.FromTime = a.Now().Add(-w.since).UnixMilli()
	}
	var err error
	if w.actor != "" {
		if filter.ActorId, err = idOf(ctx, c, w.actor); err != nil {
			return nil, err
		}
	}
	if w.target != "" {
		filter.TargetId, err = idOf(ctx, c, w.target)
	}
	return filter, err
}

// source is one of the logs, read page by page.
type source struct {
	ask   func(ctx context.Context, token string) (entries []*auditv1.Entry, next string, err error)
	ahead []*auditv1.Entry
	token string
	begun bool
}

// peek is the newest entry that was not taken yet; nil at the end.
func (s *source) peek(ctx context.Context) (*auditv1.Entry, error) {
	for len(s.ahead) == 0 && (!s.begun || s.token != "") {
		var err error
		if s.ahead, s.token, err = s.ask(ctx, s.token); err != nil {
			return nil, err
		}
		s.begun = true
	}
	if len(s.ahead) == 0 {
		return nil, nil
	}
	return s.ahead[0], nil
}

// printEntries merges the logs of accounts and messages by time.
func (a *admin) printEntries(ctx context.Context, c clients, filter *auditv1.Filter, limit int) error {
	sources := []*source{
		{ask: func(ctx context.Context, token string) ([]*auditv1.Entry, string, error) {
			answer, err := c.admin.ListAuditEntries(ctx, &userv1.ListAuditEntriesRequest{Filter: filter, PageSize: auditPage, PageToken: token})
			return answer.GetEntries(), answer.GetNextPageToken(), err
		}},
		{ask: func(ctx context.Context, token string) ([]*auditv1.Entry, string, error) {
			answer, err := c.messages.ListAuditEntries(ctx, &messagev1.ListAuditEntriesRequest{Filter: filter, PageSize: auditPage, PageToken: token})
			return answer.GetEntries(), answer.GetNextPageToken(), err
		}},
	}
	var messages []proto.Message
	t := table{header: []string{"TIME", "ACTOR", "ACTION", "TARGET", "REASON", "DETAIL", "FROM", "REQUEST"}}
	for len(messages) < limit {
		e, err := newest(ctx, sources)
		if err != nil {
			return err
		}
		if e == nil {
			break
		}
		messages = append(messages, e)
		t.rows = append(t.rows, []string{
			stamp(e.GetAt()), e.GetActorId(), e.GetAction(), e.GetTargetId(), e.GetReason(), e.GetDetail(), e.GetClientAddress(), e.GetRequestId(),
		})
	}
	return a.print(a.Out, messages, t)
}

// newest takes the newest entry of all sources.
func newest(ctx context.Context, sources []*source) (*auditv1.Entry, error) {
	var best *source
	var first *auditv1.Entry
	for _, s := range sources {
		e, err := s.peek(ctx)
		if err != nil {
			return nil, err
		}
		if e != nil && (first == nil || e.GetAt() > first.GetAt()) {
			best, first = s, e
		}
	}
	if best != nil {
		best.ahead = best.ahead[1:]
	}
	return first, nil
}
