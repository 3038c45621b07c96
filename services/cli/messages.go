// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

func (a *admin) messagesCommand() *cobra.Command {
	return group("messages", "Remove messages",
		"  parley admin messages remove 0198c9a2-1111-7abc-8def-0123456789ab 17 --reason 'insult'", a.removeCommand())
}

func (a *admin) removeCommand() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "remove CONVERSATION NUMBER", Short: "Take a message away for everybody", Args: exactly(2),
		Long: "Take a message away for everybody, at any time: its text and all earlier versions are gone, and a line stays\n" +
			"that says so. A message is named by the id of its conversation and its number there.",
		Example: "  parley admin messages remove 0198c9a2-1111-7abc-8def-0123456789ab 17 --reason insult",
		RunE: a.run(func(cmd *cobra.Command, args []string, c clients) error {
			seq, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || seq < 1 {
				return usage(cmd, "%q is no number of a message", args[1])
			}
			answer, err := c.messages.RemoveMessage(cmd.Context(), &messagev1.RemoveMessageRequest{
				ConversationId: args[0], Seq: seq, Reason: reason,
			})
			if err != nil {
				return err
			}
			m := answer.GetMessage()
			return a.print(a.Out, []proto.Message{m}, table{
				header: []string{"CONVERSATION", "NUMBER", "SENDER", "REMOVED"},
				rows:   [][]string{{m.GetConversationId(), args[1], m.GetSenderId(), stamp(m.GetRecalled().GetAt())}},
			})
		}),
	}
	return reasonFlag(command, &reason)
}
