// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

// admin is what all commands below `parley admin` share.
type admin struct {
	connection
	output
}

// AdminCommand is `parley admin`; more are commands that the program adds to it.
func AdminCommand(o Options, more ...*cobra.Command) *cobra.Command {
	a := &admin{connection: connection{Options: o}}
	command := group("admin", "Answer for the people on a chat: accounts, messages, audit log",
		"  parley admin login li.wei --server https://chat.example.com\n"+
			"  parley admin users find wang\n"+
			"  parley admin users ban wang.fang --reason 'spam in five groups' --for 72h\n"+
			"  parley admin audit --since 24h -o json",
		a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.claimCommand(),
		a.usersCommand(), a.messagesCommand(), a.auditCommand(),
	)
	command.Long = "Acts on accounts and messages through the calls of AdminService and ModerationService. What the own role does not\n" +
		"allow is refused; what is done stands in the audit log with the reason.\n\n" +
		"Exit status: 0 done, 1 failed, 2 wrong command line, 3 not signed in, 4 not allowed, 5 not found, 6 unavailable."
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%v", err) })
	command.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.check(cmd) }
	a.connection.flags(command)
	a.output.flags(command)
	command.AddCommand(more...)
	return command
}

// run opens the chat for a command.
func (a *admin) run(do func(cmd *cobra.Command, args []string, c clients) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.open()
		if err != nil {
			return err
		}
		return explain(do(cmd, args, c))
	}
}

func (a *admin) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who is signed in, and the role", Args: exactly(0), Example: "  parley admin whoami",
		RunE: a.run(func(cmd *cobra.Command, _ []string, c clients) error {
			answer, err := c.users.GetMe(cmd.Context(), &userv1.GetMeRequest{})
			if err != nil {
				return err
			}
			return a.printMe(answer.GetMe())
		}),
	}
}

func (a *admin) claimCommand() *cobra.Command {
	return &cobra.Command{
		Use: "claim LINK", Short: "Become an owner with a one-time link", Args: exactly(1),
		Long: "Use the link that kubectl parley admin create, parley admin link or parley dev has printed, as the account\n" +
			"that is signed in. It is good once, for 24 hours.",
		Example: "  parley admin claim 'https://chat.example.com/#/administrator/parley_a1_…'",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			token := args[0][strings.LastIndex(args[0], "/")+1:]
			answer, err := c.admin.ClaimAdministrator(cmd.Context(), &userv1.ClaimAdministratorRequest{Token: token})
			if err != nil {
				return err
			}
			return a.printMe(answer.GetMe())
		}),
	}
}
