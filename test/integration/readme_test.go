// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/dev/devtest"
)

// The commands of the README work when they are copied.
func TestTheCurlSamplesOfTheReadmeWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing; run hack/debian.sh")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "<!-- test:curl -->\n```sh\n")
	script, _, closed := strings.Cut(after, "\n```")
	if !found || !closed {
		t.Fatal("the README has no marked block of commands")
	}
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	script = strings.Replace(script, "http://localhost:8080", sys.Public(0), 1)
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = t.TempDir()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"token":"parley_s1_`, `"username":"li.wei"`, `"nickname":"李伟"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in the output:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), `"code"`) {
		t.Errorf("a call was refused:\n%s", out)
	}
}
