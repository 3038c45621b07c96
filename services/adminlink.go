// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/api/component"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// adminLinkCommand is for the platform: it has the database of the user service, and no token of a person.
func adminLinkCommand(s streams) *cobra.Command {
	var base, hash string
	command := &cobra.Command{
		Use:   "link",
		Short: "Make a one-time link for an administrator, with the database of the user service",
		Long: "Make a link that turns whoever opens it and signs in into an owner: once, within 24 hours. A new link takes\n" +
			"the place of earlier ones. It needs the settings of the user service, of which it reads the database only.\n" +
			"With --hash only the SHA-256 of a token is stored, which somebody else has made and shows.",
		Example: "  PARLEY_MYSQL_DSN=mysql://app:secret@db:3306/parley_user parley admin link --server https://chat.example.com\n" +
			"  kubectl parley admin create demo        the same in a cluster",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := userserver.Load(s.environ)
			if err != nil {
				return explainSettings(component.User, err)
			}
			if hash != "" {
				return keepLink(cmd.Context(), cfg, hash)
			}
			token, err := userserver.CreateLink(cmd.Context(), cfg)
			if err != nil {
				return fmt.Errorf("the link was not stored: see that MySQL answers and parley migrate has run: %w", err)
			}
			_, err = fmt.Fprintf(s.out, "%s\nGood once, for 24 hours: whoever opens it and signs in becomes an owner.\n", component.AdministratorLink(base, token))
			return err
		},
	}
	command.Flags().StringVar(&base, "server", "http://localhost:8080", "address of the chat, for the link")
	command.Flags().StringVar(&hash, "hash", "", "SHA-256 of a token in hexadecimal; nothing is printed then")
	return command
}

func keepLink(ctx context.Context, cfg userserver.Config, text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return errors.New("--hash takes 64 hexadecimal digits")
	}
	if err := userserver.KeepLink(ctx, cfg, [sha256.Size]byte(raw)); err != nil {
		return fmt.Errorf("the link was not stored: see that MySQL answers and parley migrate has run: %w", err)
	}
	return nil
}
