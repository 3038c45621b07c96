// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// BinaryVariable names a program that was built before. For one that was built with tags they follow in
// upper case: PARLEY_BIN_FAILPOINTS.
const BinaryVariable = "PARLEY_BIN"

const program = "github.com/parley-chat/parley/services"

var (
	buildMu sync.Mutex // guards builds
	builds  = map[string]string{}
)

// Binary gives the program, built with tags, as a file of its own in dir. The first call of a process
// builds it, unless the environment names one.
func Binary(ctx context.Context, dir string, tags ...string) (string, error) {
	variable := strings.ToUpper(strings.Join(append([]string{BinaryVariable}, tags...), "_"))
	if path := os.Getenv(variable); path != "" {
		return filepath.Abs(path)
	}
	built, err := build(ctx, strings.Join(tags, ","))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "parley")
	if err := os.Link(built, path); err == nil {
		return path, nil
	}
	return path, copyFile(built, path) // another file system
}

// build keeps what it builds in the cache folder of the user, where the next process overwrites it.
func build(ctx context.Context, tags string) (string, error) {
	buildMu.Lock()
	defer buildMu.Unlock()
	if path, ok := builds[tags]; ok {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the program: %w", err)
	}
	path := filepath.Join(cache, "parley-test", fmt.Sprintf("parley-%s-%d", tags, os.Getuid()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", tags, "-o", path, program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build parley: %w\n%s", err, out)
	}
	builds[tags] = path
	return path, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
