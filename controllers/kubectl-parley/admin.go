// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// localServer is where a chat without a host is looked at, by kubectl port-forward or on a developer's machine.
const localServer = "http://localhost:8080"

func (p *plugin) adminCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "admin", Short: "Let somebody in who answers for the chat", Args: cobra.ArbitraryArgs,
		Example: "  kubectl parley admin create demo",
		RunE:    helpOrUnknown,
	}
	command.AddCommand(p.adminCreateCommand())
	return command
}

func (p *plugin) adminCreateCommand() *cobra.Command {
	var server string
	command := &cobra.Command{
		Use: "create [NAME]", Short: "Print a one-time link that makes who opens it an owner", Args: cobra.MaximumNArgs(1),
		Long: "Print a link that turns whoever opens it and signs in into an owner of the chat: once, within 24 hours. A new\n" +
			"link takes the place of earlier ones, and the audit log of the chat tells of each. The token is made here and\n" +
			"shown here only: a Job with the settings and bindings of the component user stores its SHA-256.",
		Example: "  kubectl parley admin create demo\n" +
			"  kubectl parley admin create demo -n chat --server http://localhost:8080",
		ValidArgsFunction: p.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			token, hash := component.NewAdministratorToken()
			if err := c.keepLink(cmd.Context(), found.Name, strconv.FormatInt(p.now().Unix(), 36), hex.EncodeToString(hash[:])); err != nil {
				return err
			}
			return printLink(p.out, found, server, token)
		},
	}
	command.Flags().StringVar(&server, "server", "", "address of the chat, for the link; by default its spec.exposure.host, else "+localServer)
	return command
}

// keepLink stores the hash of a token with the eyes of the component user.
func (c *cluster) keepLink(ctx context.Context, name, suffix, hash string) error {
	var said bytes.Buffer
	failed, err := c.runAs(ctx, &said, name, task{
		as: component.User, name: name + "-admin-" + suffix, args: []string{"admin", "link", "--hash", hash},
	})
	switch {
	case err != nil:
		return err
	case failed:
		return fmt.Errorf("the link was not stored: %s", strings.TrimSpace(said.String()))
	}
	return nil
}

func printLink(out io.Writer, found *chatv1alpha1.ChatCluster, server, token string) error {
	if exposure := found.Spec.Exposure; server == "" && exposure != nil && exposure.Host != "" {
		server = "https://" + exposure.Host
	} else if server == "" {
		server = localServer
	}
	_, err := fmt.Fprintf(out, "%s\nGood once, for 24 hours: whoever opens it and signs in becomes an owner.\n", component.AdministratorLink(server, token))
	return err
}
