// SPDX-License-Identifier: Apache-2.0

// Package cli holds the commands of people: a client among others, which knows the contracts and no service.
//
// A command ends with 0 when it is done, 1 when it failed, 2 for a wrong command line, 3 without a login, 4 for
// what the role does not allow, 5 for what is not there, and 6 while the chat does not answer.
package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// The exit codes, beside 0.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotSignedIn = 3
	exitNotAllowed  = 4
	exitNotFound    = 5
	exitUnavailable = 6
)

// Options are what the commands have of the process.
type Options struct {
	Environ   map[string]string
	In        io.Reader
	Out, Errs io.Writer
	Now       func() time.Time
	Transport http.RoundTripper // nil: the usual one
}

// failure is an error with its exit code.
type failure struct {
	code int
	text string
}

// Error is one line that says what to do.
func (f failure) Error() string { return f.text }

// ExitCode of the program.
func (f failure) ExitCode() int { return f.code }

func fail(code int, format string, args ...any) error {
	return failure{code, fmt.Sprintf(format, args...)}
}

func usage(cmd *cobra.Command, format string, args ...any) error {
	return fail(exitUsage, "%s: %s --help has examples", fmt.Sprintf(format, args...), cmd.CommandPath())
}

// exactly is cobra.ExactArgs with the exit code of a wrong command line.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(cmd, "%d arguments were given: write %s", len(args), cmd.UseLine())
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short, example string, children ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(cmd, "there is no command %q", args[0])
			}
			return cmd.Help()
		},
	}
	command.AddCommand(children...)
	return command
}

// explain turns the answer of a call into what a person can act on.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if known := (failure{}); errors.As(err, &known) {
		return err
	}
	reason, what := reasonOf(err), err.Error()
	answer := new(connect.Error)
	if errors.As(err, &answer) {
		what = answer.Message()
	}
	if reason != "" {
		what = reason + ": " + what
	}
	switch reason {
	case "INVALID_CREDENTIALS":
		return fail(exitNotSignedIn, "%s: try again", what)
	case "LINK_INVALID":
		return fail(exitNotFound, "%s: parley admin link, or kubectl parley admin create, makes another", what)
	default:
		return explainCode(connect.CodeOf(err), what)
	}
}

func explainCode(code connect.Code, what string) error {
	switch code {
	case connect.CodeUnauthenticated:
		return fail(exitNotSignedIn, "%s: sign in with parley admin login", what)
	case connect.CodePermissionDenied:
		return fail(exitNotAllowed, "%s: ask an administrator or owner for the role that may", what)
	case connect.CodeNotFound:
		return fail(exitNotFound, "%s: check the id; parley admin users find shows whom there is", what)
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeResourceExhausted:
		return fail(exitUnavailable, "%s: check the address, and try again in a minute", what)
	case connect.CodeInvalidArgument:
		return fail(exitUsage, "%s", what)
	default:
		return fail(exitFailed, "%s", what)
	}
}

func reasonOf(err error) string {
	answer := new(connect.Error)
	if !errors.As(err, &answer) {
		return ""
	}
	for _, detail := range answer.Details() {
		value, err := detail.Value()
		if info, ok := value.(*errdetails.ErrorInfo); err == nil && ok {
			return info.GetReason() + fields(info.GetMetadata())
		}
	}
	return ""
}

// fields are the facts of a refusal that say which field is wrong.
func fields(metadata map[string]string) string {
	if metadata["field"] == "" {
		return ""
	}
	return strings.TrimRight(" ("+metadata["field"]+": "+metadata["rule"], ": ") + ")"
}
