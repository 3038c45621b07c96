// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/services/internal/identity"
)

func keysCommand(s streams) *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "keys [DIR]",
		Short: "Make the keys of all components, once",
		Long: "Make the keys of all components in a folder: a key pair for each, and the keys of\n" +
			"page tokens and of the links of files. Each component needs all public halves and its own private one; user,\n" +
			"friend and message the key of page tokens, file that of links. Keys that are there are never written over.",
		Example: "  parley keys --dir keys\n  PARLEY_KEYS_DIR=$PWD/keys parley user",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				dir = args[0]
			}
			return makeKeys(s, dir)
		},
	}
	command.Flags().StringVar(&dir, "dir", "", "folder for the keys; it is made if it is missing")
	return command
}

func makeKeys(s streams, dir string) error {
	if dir == "" {
		return errors.New("name a folder for the keys: parley keys --dir keys")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the folder %s cannot be made: choose another with --dir: %w", dir, err)
	}
	err := identity.WriteKeys(dir)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("the folder %s holds keys already and they are kept: choose another with --dir for new ones", dir)
	case err != nil:
		return fmt.Errorf("the folder %s cannot be written: choose another with --dir: %w", dir, err)
	}
	_, err = fmt.Fprintf(s.out, "Made the keys of all components in %s; set PARLEY_KEYS_DIR to it\n", dir)
	return err
}
