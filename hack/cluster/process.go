// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/hack/retry"
)

// cgroupParent holds a cgroup per daemon in every hierarchy; teardown finds processes by it, even when
// everything else is lost.
const cgroupParent = "parley"

// hierarchies are the mount points of cgroups: several with version 1, one with version 2.
func hierarchies() []string {
	const top = "/sys/fs/cgroup"
	if _, err := os.Stat(top + "/cgroup.controllers"); err == nil {
		return []string{top}
	}
	entries, err := os.ReadDir(top)
	if err != nil {
		return nil
	}
	var list []string
	for _, entry := range entries {
		if info, err := os.Lstat(filepath.Join(top, entry.Name())); err == nil && info.IsDir() {
			list = append(list, filepath.Join(top, entry.Name()))
		}
	}
	return list
}

// makeCgroup makes a daemon's cgroup in every hierarchy. An empty cpuset takes no process, so its values
// are copied from above.
func makeCgroup(name string) error {
	for _, top := range hierarchies() {
		for _, dir := range []string{filepath.Join(top, cgroupParent), filepath.Join(top, cgroupParent, name)} {
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as the kernel's own
				return err
			}
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := inherit(dir, file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func inherit(dir, file string) error {
	now, err := os.ReadFile(filepath.Join(dir, file)) //nolint:gosec // below /sys/fs/cgroup
	if errors.Is(err, fs.ErrNotExist) || strings.TrimSpace(string(now)) != "" {
		return nil
	}
	above, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file)) //nolint:gosec // below /sys/fs/cgroup
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), above, 0o600) //nolint:gosec // below /sys/fs/cgroup
}

// processes lists the ids in a daemon's cgroup and all below it, zombies left out.
func processes(name string) []int {
	var ids []int
	for _, top := range hierarchies() {
		_ = filepath.WalkDir(filepath.Join(top, cgroupParent, name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil //nolint:nilerr // what goes away meanwhile has no processes
			}
			text, err := os.ReadFile(filepath.Join(path, "cgroup.procs")) //nolint:gosec // below /sys/fs/cgroup
			for field := range strings.FieldsSeq(string(text)) {
				if id, bad := strconv.Atoi(field); bad == nil && err == nil && !slices.Contains(ids, id) && !isZombie(id) {
					ids = append(ids, id)
				}
			}
			return nil
		})
	}
	return ids
}

func isZombie(id int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// daemon starts a program that outlives this one, unless it runs already.
func (p plan) daemon(ctx context.Context, name string, args ...string) error {
	if len(processes(name)) > 0 {
		return nil
	}
	if err := makeCgroup(name); err != nil {
		return err
	}
	if err := os.MkdirAll(p.path("logs"), 0o755); err != nil { //nolint:gosec // logs are for everybody
		return err
	}
	log, err := os.OpenFile(p.log(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	var enter strings.Builder // a process enters its cgroups before it becomes the program
	for _, top := range hierarchies() {
		fmt.Fprintf(&enter, "echo $$ > %s/%s/%s/cgroup.procs; ", top, cgroupParent, name)
	}
	script := "set -e; " + enter.String() + `exec "$@"`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, args...)...) //nolint:gosec,noctx // it outlives us
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, p.state
	// Nothing of the caller's shell, proxies above all: the control plane talks to nodes and pods directly.
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // reaps it while we live; init does later
	return ctx.Err()
}

// stop ends every process of a daemon and removes its cgroups.
func stop(ctx context.Context, name string) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, id := range processes(name) {
			_ = syscall.Kill(id, signal) // it may be gone already
		}
		wait := 3 * time.Second
		if signal == syscall.SIGKILL {
			wait = 15 * time.Second
		}
		if until(ctx, wait, func(context.Context) error {
			if left := processes(name); len(left) > 0 {
				return fmt.Errorf("%d processes are left", len(left))
			}
			return nil
		}) == nil {
			break
		}
	}
	return removeCgroup(ctx, name)
}

func removeCgroup(ctx context.Context, name string) error {
	return until(ctx, 10*time.Second, func(context.Context) error {
		var failed error
		for _, top := range hierarchies() {
			var dirs []string
			_ = filepath.WalkDir(filepath.Join(top, cgroupParent, name), func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			slices.Reverse(dirs) // the deepest first
			for _, dir := range dirs {
				if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
					failed = err
				}
			}
		}
		return failed
	})
}

// pollEvery is for what costs little to ask.
const pollEvery = 200 * time.Millisecond

func until(ctx context.Context, patience time.Duration, do func(ctx context.Context) error) error {
	return retry.Until(ctx, patience, pollEvery, do)
}

// run executes a command and answers its output; an error holds what it said.
func run(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // commands of this program
	if err != nil {
		return string(text), fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
