// SPDX-License-Identifier: Apache-2.0

//go:build unix

package client_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/parley-chat/parley/api/client"
)

// TestFileStoreAfterAFullDisk runs itself in a process whose files may not grow for a while.
func TestFileStoreAfterAFullDisk(t *testing.T) {
	t.Parallel()
	const variable = "PARLEY_TEST_FULL_DISK"
	if path := os.Getenv(variable); path != "" {
		fillDisk(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "store")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFileStoreAfterAFullDisk$")
	child.Env = append(os.Environ(), variable+"="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := load(t, openFile(t, path))
	check(t, "outbox", []client.Entry{{ClientMessageID: "1"}, {ClientMessageID: "3"}}, got.Outbox)
	check(t, "cursor", "c1", got.Cursor)
}

func fillDisk(t *testing.T, path string) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	s := openFile(t, path)
	if err := errors.Join(s.SaveCursor("c1"), s.PutEntry(client.Entry{ClientMessageID: "1"})); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	full := limit
	full.Cur = uint64(info.Size()) + 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	failed := s.PutEntry(client.Entry{ClientMessageID: "2"})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if failed == nil {
		t.Error("an entry fitted on a full disk")
	}
	if err := s.PutEntry(client.Entry{ClientMessageID: "3"}); err != nil {
		t.Error(err)
	}
}
