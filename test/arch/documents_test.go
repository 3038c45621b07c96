// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	// pathLike is a path of this repository: it starts with one of the top folders.
	pathLike = regexp.MustCompile(`^(?:api|services|controllers|config|charts|hack|test|docs)(?:/[\w.{},-]+)*/?$`)
	// linkTarget is the target of a link to a file: no scheme, no anchor alone.
	linkTarget = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	braceGroup = regexp.MustCompile(`\{([^{}]*)\}`)
)

// TestEveryPathInTheDocumentsExists reads the documents that point into the tree.
func TestEveryPathInTheDocumentsExists(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"} {
		text, err := read(document)
		if err != nil {
			t.Errorf("%s: %v", document, err)
			continue
		}
		for _, p := range pathsIn(text) {
			if _, err := os.Stat(filepath.Join(root(), filepath.FromSlash(p))); err != nil {
				t.Errorf("%s names %s, which does not exist", document, p)
			}
		}
	}
}

// pathsIn lists the files that a document links, and the repository paths in its code spans, braces
// expanded. The documents lie at the root, so that both mean the same.
func pathsIn(text string) []string {
	var paths []string
	for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
		paths = append(paths, m[1])
	}
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		for _, p := range expand(m[1]) {
			if pathLike.MatchString(p) {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// expand turns a/{b,c} into a/b and a/c.
func expand(pattern string) []string {
	at := braceGroup.FindStringSubmatchIndex(pattern)
	if at == nil {
		return []string{pattern}
	}
	var all []string
	for option := range strings.SplitSeq(pattern[at[2]:at[3]], ",") {
		all = append(all, expand(pattern[:at[0]]+option+pattern[at[1]:])...)
	}
	return all
}

func TestPathsAreFoundInProse(t *testing.T) {
	t.Parallel()
	const text = "See [the picture](docs/a.png), [home](https://example.org) and [below](#promises). Read `services/message/send.go` and `services/{user,friend}/doc.go`, not `go test ./...` or `a/b`."
	want := "docs/a.png services/message/send.go services/user/doc.go services/friend/doc.go"
	if got := strings.Join(pathsIn(text), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
