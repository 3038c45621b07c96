// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/services/dev"
)

// maxManifestBytes that are read of a file; the reader of manifests refuses less.
const maxManifestBytes = 2 << 20

func devCommand(s streams) *cobra.Command {
	var file string
	options := dev.Options{Stdout: s.out, Log: s.errs, Environ: s.environ}
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole product in one process, from a ChatCluster manifest",
		Long: "Run the whole product in one process. Nothing needs to be installed: SQLite stands for MySQL and a bus\n" +
			"in the process for RabbitMQ. Gateway k listens on the port plus k. Ctrl-C stops it; the data stays.",
		Example: "  parley dev\n" +
			"  parley dev -f config/samples/chatcluster-two-gateways.yaml --data /tmp/parley --port 9000",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" {
				text, err := readManifest(file)
				if err != nil {
					return err
				}
				options.Manifest, options.Name = text, file
			}
			return dev.Run(cmd.Context(), options)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&file, "file", "f", "", "ChatCluster manifest; without it the smallest cluster runs")
	flags.StringVar(&options.DataDir, "data", "data", "folder for the data; it is made if it is missing")
	flags.StringVar(&options.Addr, "addr", "127.0.0.1", "address that the gateways listen on")
	flags.IntVar(&options.Port, "port", 8080, "port of the first gateway; 0 takes free ports")
	return command
}

func readManifest(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: choose another with -f: %w", err)
	}
	if info.IsDir() || info.Size() > maxManifestBytes {
		return nil, fmt.Errorf("%s is no manifest: choose a YAML file with -f", file)
	}
	text, err := os.ReadFile(file) //nolint:gosec // the user's file
	if err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: choose another with -f: %w", err)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s is empty: choose a file that holds a ChatCluster with -f", file)
	}
	return text, nil
}
