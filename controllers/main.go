// SPDX-License-Identifier: Apache-2.0

// Command parley-operator turns ChatClusters into running chats.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "parley-operator:", err) // nowhere else to tell it
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:   "parley-operator",
		Short: "Turn ChatClusters into running chats",
		Long: "The operator of Parley: it watches ChatClusters and keeps their Deployments, Services and everything\n" +
			"else that they need. It takes the API server from the service account of its pod, or from KUBECONFIG.",
		Example: "  parley-operator --watch-namespaces chat\n" +
			"  KUBECONFIG=~/.kube/config parley-operator --leader-elect=false --metrics-bind-address=0",
		Args: noArguments, SilenceUsage: true, SilenceErrors: true, Version: version,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help lists all flags", err, cmd.CommandPath())
	})
	o.bind(command.Flags())
	command.AddCommand(newProbeCommand())
	return command
}

func noArguments(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return fmt.Errorf("%w: %s --help lists all", err, cmd.CommandPath())
	}
	return nil
}

func run(ctx context.Context, o options) error {
	m, err := o.manager(time.Now)
	if err != nil {
		return err
	}
	return m.Start(ctx)
}
