// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestBackgroundRunsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	d := demo{dir: t.TempDir()}
	if err := d.startBackground("sleeper", "sleep", "60"); err != nil {
		t.Fatal(err)
	}
	if d.background("sleeper") == 0 {
		t.Fatal("it does not run")
	}
	if err := d.stopBackground(t.Context(), "sleeper"); err != nil {
		t.Fatal(err)
	}
	if id := d.background("sleeper"); id != 0 {
		t.Errorf("process %d still runs", id)
	}
	if err := d.stopBackground(t.Context(), "sleeper"); err != nil {
		t.Errorf("stopped again: %v", err)
	}
}

func TestBackgroundIsNotAnotherProcessWithTheSameID(t *testing.T) {
	t.Parallel()
	d := demo{dir: t.TempDir()}
	for name, content := range map[string]string{
		"of an earlier boot": fmt.Sprintf("%d 1", os.Getpid()), "gone": "4194304 5", "torn": fmt.Sprint(os.Getpid()), "empty": "",
	} {
		if err := os.WriteFile(d.path(name+".pid"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if id := d.background(name); id != 0 {
			t.Errorf("%s: taken for process %d", name, id)
		}
	}
}

func TestAwaitShowsTheLogOfACommandThatHasEnded(t *testing.T) {
	t.Parallel()
	d := demo{dir: t.TempDir()}
	if err := d.startBackground("broken", "sh", "-c", "echo no such store"); err != nil {
		t.Fatal(err)
	}
	err := d.await(t.Context(), "broken", time.Minute, func(context.Context) error { return os.ErrNotExist })
	if err == nil || !strings.Contains(err.Error(), "no such store") {
		t.Errorf("got %v", err)
	}
}
