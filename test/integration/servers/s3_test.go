// SPDX-License-Identifier: Apache-2.0

package servers_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/test/integration/servers"
)

func TestS3KeepsPortAndDataThroughAKill(t *testing.T) {
	t.Parallel()
	needs(t, servers.S3ProgramVariable)
	s, err := servers.StartS3(t.Context(), t.TempDir(), servers.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	folder, err := s.MakeBucket("kept")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "object"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t, http.MethodGet, s.URL()+"/kept/object"); err != nil || !strings.Contains(text, "AccessDenied") {
		t.Fatalf("without keys: %s %v", text, err)
	}
	s.Kill()
	if _, err := get(t, http.MethodGet, s.URL()); err == nil {
		t.Error("answers after it was killed")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t, http.MethodGet, s.URL()+"/kept/object"); err != nil || !strings.Contains(text, "AccessDenied") {
		t.Errorf("%s %v", text, err)
	}
	s.Stop()
	s.Stop() // again is nothing
}
