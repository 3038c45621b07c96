// SPDX-License-Identifier: Apache-2.0

// Command kubectl-parley is the plugin `kubectl parley`: it shows a ChatCluster on one page and acts on it.
//
// It acts only by annotation and eviction, and by Jobs of its own; the spec is never edited. What it prints
// holds no secret.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot(os.Stdout, time.Now).ExecuteContext(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "kubectl parley:", err) // nowhere else to tell it
		os.Exit(1)
	}
}

// plugin is what every command needs.
type plugin struct {
	out        io.Writer
	now        func() time.Time
	connection connection
	// every is how often something is looked at again that somebody waits for.
	every time.Duration
}

func newRoot(out io.Writer, now func() time.Time) *cobra.Command {
	return (&plugin{out: out, now: now, every: followEvery}).root()
}

func (p *plugin) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-parley",
		Short: "Look at ChatClusters and act on them",
		Long: "Look at ChatClusters and act on them. Nothing here edits a spec or prints a secret of the cluster: it acts\n" +
			"by annotation, by eviction, and by Jobs of its own.",
		Example: "  kubectl parley status demo\n" +
			"  kubectl parley sessions demo -n chat\n" +
			"  kubectl parley drain demo-gateway-1-7c9f-x2\n" +
			"  kubectl parley restart demo message",
		SilenceErrors: true, SilenceUsage: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl parley"},
		Args:        cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help lists all flags", err, cmd.CommandPath())
	})
	root.SetOut(p.out)
	flags := root.PersistentFlags()
	flags.StringVar(&p.connection.kubeconfig, "kubeconfig", "", "kubeconfig file; by default KUBECONFIG or ~/.kube/config")
	flags.StringVar(&p.connection.context, "context", "", "context of the kubeconfig")
	flags.StringVarP(&p.connection.namespace, "namespace", "n", "", "namespace of the ChatCluster; by default the context's")
	root.AddCommand(p.statusCommand(), p.sessionsCommand(), p.drainCommand(), p.restartCommand(), p.reindexCommand(), p.doctorCommand(), p.adminCommand(), p.reportCommand())
	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  kubectl parley version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.out, "kubectl-parley", version)
			return err
		},
	})
	explainArguments(root)
	return root
}

// helpOrUnknown is what a command does that only holds others.
func helpOrUnknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	question := ""
	if cmd.SuggestionsMinimumDistance = 2; len(cmd.SuggestionsFor(args[0])) > 0 {
		question = ", did you mean " + strings.Join(cmd.SuggestionsFor(args[0]), " or ") + "?"
	}
	return fmt.Errorf("there is no command %q%s: %s --help lists all", args[0], question, cmd.CommandPath())
}

// explainArguments points to the help of each command where its arguments are wrong.
func explainArguments(root *cobra.Command) {
	for _, command := range root.Commands() {
		explainArguments(command)
		check := command.Args
		command.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w: %s --help has examples", err, cmd.CommandPath())
			}
			return nil
		}
	}
}
