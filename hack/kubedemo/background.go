// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/hack/retry"
)

// keepProgram copies this program: `go run` deletes its own at the end, and the background needs one that
// stays.
func (d demo) keepProgram(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = d.run(ctx, "cp", "--remove-destination", self, d.path("kubedemo"))
	return err
}

// startBackground starts a command that outlives this one. Its file <name>.pid holds its id and when it
// began, so that another process that gets the same id later is never taken for it.
func (d demo) startBackground(name string, args ...string) error {
	log, err := os.OpenFile(d.path(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // it outlives us
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.root, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	id := cmd.Process.Pid
	go func() { _ = cmd.Wait() }() // reaps it while we live; init does later
	return os.WriteFile(d.path(name+".pid"), fmt.Appendf(nil, "%d %s", id, began(id)), 0o600)
}

// background answers the id of a command that runs, 0 for none.
func (d demo) background(name string) int {
	text, err := os.ReadFile(d.path(name + ".pid"))
	if err != nil {
		return 0
	}
	number, since, _ := strings.Cut(string(text), " ")
	id, err := strconv.Atoi(number)
	if err != nil || since == "" || began(id) != since {
		return 0
	}
	return id
}

// await waits until a command of the background does its work, or shows its log when it has ended.
func (d demo) await(ctx context.Context, name string, patience time.Duration, works func(ctx context.Context) error) error {
	var ended error
	err := retry.Until(ctx, patience, pollEvery, func(ctx context.Context) error {
		if d.background(name) == 0 {
			text, err := os.ReadFile(d.path(name + ".log"))
			ended = errors.Join(fmt.Errorf("it has ended: %s", text), err)
			return nil
		}
		return works(ctx)
	})
	return errors.Join(ended, err)
}

// stopBackground asks with TERM, and waits: stores write down what they hold.
func (d demo) stopBackground(ctx context.Context, name string) error {
	id := d.background(name)
	if id == 0 {
		return nil
	}
	if err := syscall.Kill(id, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return retry.Until(ctx, time.Minute, pollEvery, func(context.Context) error {
		if d.background(name) != 0 {
			return fmt.Errorf("%s (process %d) does not end", name, id)
		}
		return nil
	})
}

// began is the start of a process in ticks of the kernel; empty for one that is gone or a zombie.
func began(id int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before may hold spaces
	const state, start = 0, 19
	fields := strings.Fields(rest)
	if len(fields) <= start || fields[state] == "Z" {
		return ""
	}
	return fields[start]
}

// pollEvery is for what costs little to ask.
const pollEvery = 200 * time.Millisecond
