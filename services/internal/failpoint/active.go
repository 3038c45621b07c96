// SPDX-License-Identifier: Apache-2.0

//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// Enabled tells whether this build has failpoints.
const Enabled = true

// Environment names the variable that arms points of a process: "after-commit=exit" ends the process
// with status 86 at the first hit, "after-commit=error" fails each hit. Several are separated by
// commas.
const Environment = "PARLEY_FAILPOINTS"

var (
	mu      sync.Mutex // guards actions
	actions = fromEnvironment(os.Getenv(Environment))
)

// Set arms a point for tests in the same process; nil disarms it.
func Set(name Name, action func() error) {
	mu.Lock()
	defer mu.Unlock()
	if action == nil {
		delete(actions, name)
		return
	}
	actions[name] = action
}

// Hit runs the action of a point and returns its error.
func Hit(name Name) error {
	mu.Lock()
	action := actions[name]
	mu.Unlock()
	if action == nil {
		return nil
	}
	return action()
}

func fromEnvironment(text string) map[Name]func() error {
	m := map[Name]func() error{}
	for entry := range strings.SplitSeq(text, ",") {
		name, action, _ := strings.Cut(entry, "=")
		switch action {
		case "exit":
			m[Name(name)] = func() error { os.Exit(86); return nil }
		case "error":
			m[Name(name)] = func() error { return fmt.Errorf("failpoint %s", name) }
		}
	}
	return m
}
