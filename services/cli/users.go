// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

func (a *admin) usersCommand() *cobra.Command {
	sessions := group("sessions", "Login sessions of somebody", "  parley admin users sessions end wang.fang --reason 'lost phone'", a.endCommand())
	return group("users", "Find, suspend and restore accounts, end sessions, give roles",
		"  parley admin users find wang\n"+
			"  parley admin users ban wang.fang --reason spam --for 72h\n"+
			"  parley admin users role li.wei moderator --reason 'helps in the evenings'",
		a.findCommand(), a.banCommand(), a.unbanCommand(), sessions, a.roleCommand())
}

// reasonFlag is wanted by every act.
func reasonFlag(command *cobra.Command, reason *string) *cobra.Command {
	command.Flags().StringVar(reason, "reason", "", "why, for the audit log; 1 to 300 characters")
	run := command.RunE
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(*reason) == "" {
			return usage(cmd, "say why with --reason: it stands in the audit log")
		}
		return run(cmd, args)
	}
	return command
}

// idOf is an id as it is, or that of an exact username.
func idOf(ctx context.Context, c clients, who string) (string, error) {
	if id, err := uuid.Parse(who); err == nil {
		return id.String(), nil
	}
	answer, err := c.admin.FindAccounts(ctx, &userv1.FindAccountsRequest{Query: who, PageSize: 1})
	if err != nil {
		return "", err
	}
	for _, found := range answer.GetAccounts() {
		if strings.EqualFold(found.GetUser().GetUsername(), who) {
			return found.GetUser().GetUserId(), nil
		}
	}
	return "", fail(exitNotFound, "nobody has exactly the username %q: parley admin users find shows whom there is", who)
}

func (a *admin) findCommand() *cobra.Command {
	var limit int
	command := &cobra.Command{
		Use: "find QUERY", Short: "Find by username, beginning of the nickname, whole phone number or id", Args: exactly(1),
		Example: "  parley admin users find 王\n  parley admin users find +8613800000000 -o json",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			var found []*userv1.AccountState
			for token := ""; len(found) < limit; {
				answer, err := c.admin.FindAccounts(cmd.Context(), &userv1.FindAccountsRequest{
					Query: args[0], PageSize: int32(min(limit-len(found), 50)), PageToken: token, //nolint:gosec // at most 50
				})
				if err != nil {
					return err
				}
				found = append(found, answer.GetAccounts()...)
				if token = answer.GetNextPageToken(); token == "" {
					break
				}
			}
			if len(found) == 0 {
				return fail(exitNotFound, "nobody was found for %q", args[0])
			}
			return a.printAccounts(found...)
		}),
	}
	command.Flags().IntVar(&limit, "limit", 50, "most accounts to show")
	return command
}

func (a *admin) printAccounts(accounts ...*userv1.AccountState) error {
	t := table{header: []string{"USERNAME", "NICKNAME", "ROLE", "STATE", "SESSIONS", "LAST USED", "ID"}}
	messages := make([]proto.Message, len(accounts))
	for i, s := range accounts {
		messages[i] = s
		u := s.GetUser()
		t.rows = append(t.rows, []string{
			u.GetUsername(), u.GetNickname(), roleName(s.GetRole()), stateOf(s), strconv.Itoa(int(s.GetSessionCount())),
			stamp(s.GetLastUsedAt()), u.GetUserId(),
		})
	}
	return a.print(a.Out, messages, t)
}

func stateOf(s *userv1.AccountState) string {
	switch {
	case s.GetUser().GetDeleted():
		return "deleted"
	case s.GetSuspended() && s.GetSuspendedUntil() == 0:
		return "suspended"
	case s.GetSuspended():
		return "suspended until " + stamp(s.GetSuspendedUntil())
	}
	return "active"
}

func (a *admin) banCommand() *cobra.Command {
	var reason, until string
	var length time.Duration
	command := &cobra.Command{
		Use: "ban USER", Short: "Suspend an account: its sessions end, and nobody signs in", Args: exactly(1),
		Long: "Suspend an account, by username or id, for ever or for a while. What it has stays: friends, conversations,\n" +
			"password. Others go on without it. A moderator may for up to seven days.",
		Example: "  parley admin users ban wang.fang --reason spam --for 72h\n" +
			"  parley admin users ban wang.fang --reason spam --until 2030-01-31T18:00:00Z",
	}
	command.RunE = a.run(func(cmd *cobra.Command, args []string, c clients) error {
		end, err := a.endOf(cmd, length, until)
		if err != nil {
			return err
		}
		id, err := idOf(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		answer, err := c.admin.BanUser(cmd.Context(), &userv1.BanUserRequest{UserId: id, Reason: reason, Until: end})
		if err != nil {
			return err
		}
		return a.printAccounts(answer.GetAccount())
	})
	command.Flags().DurationVar(&length, "for", 0, "how long, like 72h; without it and --until for ever")
	command.Flags().StringVar(&until, "until", "", "until when, as RFC 3339")
	return reasonFlag(command, &reason)
}

// endOf is when a suspension ends, ms; 0: never.
func (a *admin) endOf(cmd *cobra.Command, length time.Duration, until string) (int64, error) {
	switch {
	case length < 0, length > 0 && until != "":
		return 0, usage(cmd, "say --for or --until, and a time to come")
	case length > 0:
		return a.Now().Add(length).UnixMilli(), nil
	case until == "":
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339, until)
	if err != nil || !at.After(a.Now()) {
		return 0, usage(cmd, "--until takes a time to come, like 2030-01-31T18:00:00Z")
	}
	return at.UnixMilli(), nil
}

func (a *admin) unbanCommand() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "unban USER", Short: "Restore a suspended account", Args: exactly(1),
		Example: "  parley admin users unban wang.fang --reason 'it was somebody else'",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			id, err := idOf(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			answer, err := c.admin.UnbanUser(cmd.Context(), &userv1.UnbanUserRequest{UserId: id, Reason: reason})
			if err != nil {
				return err
			}
			return a.printAccounts(answer.GetAccount())
		}),
	}
	return reasonFlag(command, &reason)
}

func (a *admin) endCommand() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "end USER", Short: "End all login sessions of somebody", Args: exactly(1),
		Example: "  parley admin users sessions end wang.fang --reason 'lost phone'",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			id, err := idOf(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			answer, err := c.admin.EndSessions(cmd.Context(), &userv1.EndSessionsRequest{UserId: id, Reason: reason})
			if err != nil {
				return err
			}
			return a.print(a.Out, []proto.Message{answer}, table{
				header: []string{"ENDED"}, rows: [][]string{{strconv.Itoa(int(answer.GetEndedCount()))}},
			})
		}),
	}
	return reasonFlag(command, &reason)
}

func (a *admin) roleCommand() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "role USER ROLE", Short: "Give a role: owner, admin, moderator, auditor, or member for none", Args: exactly(2),
		Example: "  parley admin users role li.wei moderator --reason 'helps in the evenings'\n" +
			"  parley admin users role li.wei member --reason 'has left the team'",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			role, known := accessv1.Role_value["ROLE_"+strings.ToUpper(args[1])]
			if !known || role == 0 {
				return usage(cmd, "there is no role %q: owner, admin, moderator, auditor or member", args[1])
			}
			id, err := idOf(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			answer, err := c.admin.SetRole(cmd.Context(), &userv1.SetRoleRequest{UserId: id, Role: accessv1.Role(role), Reason: reason})
			if err != nil {
				return err
			}
			return a.printAccounts(answer.GetAccount())
		}),
	}
	return reasonFlag(command, &reason)
}

func roleName(role accessv1.Role) string {
	if role == accessv1.Role_ROLE_UNSPECIFIED {
		role = accessv1.Role_ROLE_MEMBER
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprint(role), "ROLE_"))
}
