// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
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

var (
	anyLink  = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^(#+) (.+)$`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```")
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksOfDocumentsLeadSomewhere follows links to files, and to headings in them.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for document, text := range documents(t) {
		for _, m := range anyLink.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			file := document
			if target != "" {
				file = path.Join(path.Dir(document), target)
			}
			if _, err := os.Stat(filepath.Join(root(), filepath.FromSlash(file))); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, m[1])
			} else if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
				t.Errorf("%s links to %s, where no such heading is", document, m[1])
			}
		}
	}
}

// anchors of the headings of a document, as readers make them.
func anchors(t *testing.T, document string) []string {
	t.Helper()
	text, err := read(document)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		list = append(list, strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(m[2]), ""), " ", "-"))
	}
	return list
}

// TestHeadingsAreInOrder: one title first, and no level left out.
func TestHeadingsAreInOrder(t *testing.T) {
	t.Parallel()
	for document, text := range documents(t) {
		level := 0
		for i, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if now := len(m[1]); now > level+1 || (now == 1) != (i == 0) {
				t.Errorf("%s: the heading %q has the level %d after %d", document, m[2], now, level)
			}
			level = len(m[1])
		}
	}
}

func TestPathsAreFoundInProse(t *testing.T) {
	t.Parallel()
	const text = "See [the picture](docs/a.png), [home](https://example.org) and [below](#promises). Read `services/message/send.go` and `services/{user,friend}/doc.go`, not `go test ./...` or `a/b`."
	want := "docs/a.png services/message/send.go services/user/doc.go services/friend/doc.go"
	if got := strings.Join(pathsIn(text), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
