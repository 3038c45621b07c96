// SPDX-License-Identifier: Apache-2.0

// Command parley is the chat platform: one sub-command per service, and those for people.
//
// A service reads its settings from the environment, and what that leaves open from the files of a binding.
// It ends within 10 s of the first TERM or INT, in a pod within 25 s, a gateway once its sessions have moved;
// a second one ends it at once. Whatever a person must act on is one line on standard error that
// says what to do, with exit status 1; migrate and admin have some of their own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/services/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(1) // the person, or the kubelet, does not want to wait
	}()
	err := run(ctx, os.Args[1:], environment(os.Environ()), os.Stdout, os.Stderr)
	cancel()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "parley: "+line(err)) // nowhere else to tell it
		os.Exit(exitCode(err))
	}
}

// streams are what a command works with: nothing else of the process.
type streams struct {
	environ map[string]string
	out     io.Writer
	errs    io.Writer
}

// forPeople is what the commands of people have of the process.
func (s streams) forPeople() cli.Options {
	return cli.Options{Environ: s.environ, In: os.Stdin, Out: s.out, Errs: s.errs, Now: time.Now}
}

// run executes one command line.
func run(ctx context.Context, args []string, environ map[string]string, out, errs io.Writer) error {
	root := newRoot(streams{environ: environ, out: out, errs: errs}) //nolint:contextcheck // commands get it from ExecuteContext
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	return root.ExecuteContext(ctx)
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "parley",
		Short: "Parley, a chat platform",
		Long:  "Parley is a chat platform. One program holds all services; each runs as a sub-command.",
		Example: "  parley dev -f config/samples/chatcluster-dev.yaml   the whole product in one process\n" +
			"  parley message                                      one service, settings from the environment",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no command %q: parley --help lists all", args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help lists all flags", err, cmd.CommandPath())
	})
	root.AddCommand(serviceCommands(s)...)
	root.AddCommand(devCommand(s), migrateCommand(s), doctorCommand(s), reindexCommand(s), keysCommand(s), probeCommand(s), versionCommand(s))
	for _, command := range root.Commands() {
		command.Args = explained(command.Args)
	}
	root.AddCommand(cli.AdminCommand(s.forPeople(), adminLinkCommand(s))) // which has exit statuses of its own
	return root
}

// explained points to the help of a command whose arguments are wrong.
func explained(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		return nil
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w: %s --help has examples", err, cmd.CommandPath())
		}
		return nil
	}
}

func versionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.out, "parley %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// environment makes a map of "KEY=value" entries.
func environment(entries []string) map[string]string {
	environ := make(map[string]string, len(entries))
	for _, entry := range entries {
		if key, value, ok := strings.Cut(entry, "="); ok {
			environ[key] = value
		}
	}
	return environ
}

// line makes one line of an error and adds what to do where the error itself cannot know it.
func line(err error) string {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
	switch {
	case strings.Contains(text, "--port"):
		return text // it says already what to do
	case errors.Is(err, syscall.EADDRINUSE):
		return text + ": stop the program that listens there, or set PARLEY_PUBLIC_LISTEN, PARLEY_RPC_LISTEN and PARLEY_OPS_LISTEN to free addresses"
	case errors.Is(err, os.ErrNotExist) && strings.Contains(text, "identity-"):
		return text + ": make keys with parley keys --dir DIR and set PARLEY_KEYS_DIR to that folder"
	default:
		return text
	}
}
