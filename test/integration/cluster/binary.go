// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// BinaryVariable names a program that was built before; it is taken for builds without tags.
const BinaryVariable = "PARLEY_BIN"

//nolint:gochecknoglobals // one build for all tests of a process
var (
	buildMu sync.Mutex        // guards built
	built   map[string]string // tags → path
)

// Binary builds the program with build tags, once per process, into dir, and returns its path. Without
// tags it is the program that PARLEY_BIN names, if it names one.
func Binary(ctx context.Context, dir string, tags ...string) (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" && len(tags) == 0 {
		return filepath.Abs(path)
	}
	key := strings.Join(tags, ",")
	buildMu.Lock()
	defer buildMu.Unlock()
	if path, ok := built[key]; ok {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path := filepath.Join(dir, "parley")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", key, "-o", path, "github.com/parley-chat/parley/services") //nolint:gosec // our own program
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w\n%s", err, out)
	}
	if built == nil {
		built = map[string]string{}
	}
	built[key] = path
	return path, nil
}
