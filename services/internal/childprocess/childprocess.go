// SPDX-License-Identifier: Apache-2.0

// Package childprocess runs a program for one answer, within bounds.
//
// The child gets nothing of our environment, none of our files, and a process group of its own, which ends as a
// whole: with the context, or when the child writes more than it may.
package childprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrOutput says that a program wrote more than it may.
var ErrOutput = errors.New("the program wrote too much")

const (
	// maxComplaint is how much of the standard error is kept.
	maxComplaint = 2 << 10
	// path is the usual one: nothing of ours reaches a child.
	path = "PATH=/usr/local/bin:/usr/bin:/bin"
	// stopWait is how long pipes may stay open after the child has ended.
	stopWait = time.Second
)

// Command is what to run.
type Command struct {
	Path string
	Args []string
	// Input is its standard input; may be nil.
	Input io.Reader
	// MaxOutput bounds its standard output.
	MaxOutput int
}

// FailedError says that a program ended badly. It holds the start of what the program complained about, which
// may quote its input: it is for developers.
type FailedError struct {
	Program   string
	Cause     error
	Complaint string
}

// Error names program and cause, not the complaint.
func (e *FailedError) Error() string { return fmt.Sprintf("%s: %v", e.Program, e.Cause) }

// Unwrap is the cause.
func (e *FailedError) Unwrap() error { return e.Cause }

// Run answers the standard output. The error is that of ctx, ErrOutput, or a FailedError.
func Run(ctx context.Context, c Command) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Path, c.Args...) //nolint:gosec // the program is the operator's choice
	cmd.Env = []string{path, "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = stopWait
	output := &bounded{left: c.MaxOutput, full: cancel}
	complaint := &bounded{left: maxComplaint}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Input, output, complaint
	err := cmd.Run()
	switch {
	case output.over:
		return nil, fmt.Errorf("%s: %w", c.Path, ErrOutput)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &FailedError{Program: c.Path, Cause: err, Complaint: strings.ToValidUTF8(complaint.kept.String(), "")}
	}
	return output.kept.Bytes(), nil
}

// bounded keeps so many bytes. What is over calls full, or is thrown away.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom would pass Write by
	left int
	over bool
	full func()
}

// Write never fails: a child that cannot write would fail before it is told why.
func (b *bounded) Write(p []byte) (int, error) {
	kept := p[:min(len(p), b.left)]
	b.left -= len(kept)
	b.kept.Write(kept)
	if len(kept) < len(p) {
		b.over = true
		if b.full != nil {
			b.full()
		}
	}
	return len(p), nil
}
