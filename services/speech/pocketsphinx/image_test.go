// SPDX-License-Identifier: Apache-2.0

package pocketsphinx_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// largestRoot bounds what the image parley-speech has beside ours; documents name what was measured.
const largestRoot = 400 << 20

// The image has no system below it: every library comes along, with its licence and what a scanner reads, and no shell.
func TestTheImageHoldsWhatItsProgramsNeed(t *testing.T) {
	t.Parallel()
	installed(t, "ffmpeg", "pocketsphinx_continuous", "dpkg-query")
	root := filepath.Join(t.TempDir(), "root")
	run(t, "../../../hack/speechroot.sh", root)
	loader, libraries := only(t, root, "lib*", "ld-linux*"), only(t, root, "usr", "lib", "*-linux-gnu*")
	for _, program := range []string{"ffmpeg", "pocketsphinx_continuous"} {
		said, err := exec.CommandContext(t.Context(), loader, "--inhibit-cache", "--library-path", libraries, "--list", filepath.Join(root, "usr/bin", program)).CombinedOutput()
		if err != nil {
			t.Errorf("%s does not load: %v\n%s", program, err, said)
		}
		for line := range strings.Lines(string(said)) {
			_, path, found := strings.Cut(line, " => ")
			if found && !strings.HasPrefix(path, root) && !strings.Contains(line, "ld-linux") {
				t.Errorf("%s takes from the system: %s", program, line)
			}
		}
	}
	for _, path := range []string{
		"usr/share/pocketsphinx/model/en-us/en-us.lm.bin", "usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict",
		"var/lib/dpkg/status.d/ffmpeg", "var/lib/dpkg/status.d/libc6", "usr/share/doc/libopus0/copyright", "usr/share/common-licenses/GPL-2",
	} {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Error(err)
		}
	}
	if programs, err := os.ReadDir(filepath.Join(root, "usr/bin")); err != nil || len(programs) != 2 {
		t.Errorf("programs %v, %v: want two", programs, err)
	}
	if size := sizeOf(t, root); size > largestRoot {
		t.Errorf("%d MiB: find out what came along", size>>20)
	}
}

// only answers the one path that a pattern finds.
func only(t *testing.T, parts ...string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(parts...))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v: %v, %v", parts, found, err)
	}
	return found[0]
}

// sizeOf the files below a folder, all of which everybody may read: the pod's user owns none.
func sizeOf(t *testing.T, root string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode(); mode.Perm()&0o004 == 0 || mode.Perm()&0o022 != 0 || !mode.IsRegular() && !mode.IsDir() {
			t.Errorf("%s has mode %s", path, mode)
		}
		bytes += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
