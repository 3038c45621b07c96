// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/gateway/web"
)

func TestFSOpensAlsoWithoutABuild(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(web.FS(), ".")
	if err != nil {
		t.Fatalf("reading the top of the client: %v", err)
	}
	if len(entries) == 0 {
		t.Fatal("the top of the client is empty, want at least its marker")
	}
}

func TestBuiltPageHasNothingInline(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(web.FS(), "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		const text = "needs the built client: run make web"
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	if err != nil {
		t.Fatalf("reading index.html: %v", err)
	}
	text := string(page)
	for _, banned := range []string{"<style", "style=", "onload=", "javascript:"} {
		if strings.Contains(text, banned) {
			t.Errorf("index.html has %q, which the policy forbids", banned)
		}
	}
	for _, part := range strings.Split(text, "<script")[1:] {
		if !strings.Contains(strings.SplitN(part, ">", 2)[0], "src=") {
			t.Error("index.html has an inline script, which the policy forbids")
		}
	}
}

func TestPolicyAllowsNothingInline(t *testing.T) {
	t.Parallel()
	if strings.Contains(web.ContentSecurityPolicy, "unsafe") {
		t.Errorf("the policy is %q, want nothing unsafe in it", web.ContentSecurityPolicy)
	}
}
