// SPDX-License-Identifier: Apache-2.0

package childprocess_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/childprocess"
)

func shell(script, input string) childprocess.Command {
	return childprocess.Command{Path: "/bin/sh", Args: []string{"-c", script}, Input: strings.NewReader(input), MaxOutput: 1000}
}

func TestTheOutputIsAnswered(t *testing.T) {
	t.Parallel()
	out, err := childprocess.Run(t.Context(), shell("tr a-z A-Z; echo noise >&2", "hello"))
	if err != nil || string(out) != "HELLO" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestTheChildSeesNothingOfOurs(t *testing.T) {
	t.Setenv("PARLEY_SPEECH_API_KEY", "hush")
	out, err := childprocess.Run(t.Context(), shell("env", ""))
	if err != nil || strings.Contains(string(out), "hush") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAFailureIsNamedWithoutTheComplaint(t *testing.T) {
	t.Parallel()
	_, err := childprocess.Run(t.Context(), shell("echo secret words >&2; exit 3", ""))
	failed, ok := errors.AsType[*childprocess.FailedError](err)
	if !ok || !strings.Contains(failed.Complaint, "secret words") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if _, err := childprocess.Run(t.Context(), childprocess.Command{Path: "/nowhere/at/all"}); err == nil {
		t.Error("a program that is not there ran")
	}
}

func TestWhoWritesTooMuchIsEnded(t *testing.T) {
	t.Parallel()
	if _, err := childprocess.Run(t.Context(), shell("while :; do echo 0123456789; done", "")); !errors.Is(err, childprocess.ErrOutput) {
		t.Errorf("%v", err)
	}
}

// The grandchild holds the pipe of the output open, and would write the file if it lived on.
func TestTheWholeGroupEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := "(sleep 2; touch " + filepath.Join(dir, "late") + ") & echo $! > " + filepath.Join(dir, "started") + "; wait"
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := childprocess.Run(ctx, shell(script, ""))
		done <- err
	}()
	for {
		if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	<-time.After(2500 * time.Millisecond)
	if _, err := os.Stat(filepath.Join(dir, "late")); err == nil {
		t.Error("a grandchild lived on")
	}
}
