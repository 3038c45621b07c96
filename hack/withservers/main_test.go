// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestTheExitCodeOfTheCommandIsOurs(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 1} {
		var progress bytes.Buffer
		got := run(t.Context(), []string{"-mysql=false", "-amqp=false", "--", "sh", "-c", script}, &progress)
		if got != want {
			t.Errorf("%s: got %d, want %d: %s", script, got, want, progress.String())
		}
	}
}

func TestAWrongCallIsTold(t *testing.T) {
	t.Parallel()
	none := []string{"-mysql=false", "-amqp=false", "--"}
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"no command":                {none, 2, "usage"},
		"an unknown flag":           {[]string{"-oracle"}, 2, "oracle"},
		"a program that is missing": {append(none, "no-such-program"), 1, "no-such-program"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var progress bytes.Buffer
			if got := run(t.Context(), tt.args, &progress); got != tt.code || !strings.Contains(progress.String(), tt.says) {
				t.Errorf("got %d: %s", got, progress.String())
			}
		})
	}
}

func TestASignalEndsTheCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var progress bytes.Buffer
	if got := run(ctx, []string{"-mysql=false", "-amqp=false", "--", "sleep", "600"}, &progress); got == 0 {
		t.Errorf("got %d: %s", got, progress.String())
	}
}
