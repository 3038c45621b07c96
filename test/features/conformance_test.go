// SPDX-License-Identifier: Apache-2.0

package features_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const conformancePage = "docs/reference/conformance.md"

// webTests is where the tests of the web client's protocol lie.
const webTests = "services/gateway/web/test/"

// claim is a row of conformance.yaml.
type claim struct {
	ID   string   `yaml:"id"`
	Item string   `yaml:"item"`
	Go   []string `yaml:"go"`
	Web  []string `yaml:"web"`
}

func loadClaims(t *testing.T) []claim {
	t.Helper()
	text, err := os.ReadFile("conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Rows []claim `yaml:"rows"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&made); err != nil {
		t.Fatal(err)
	}
	return made.Rows
}

// webFile is the file of a test of the web client that is named "file: title".
func webFile(reference string) (file, title string) {
	name, title, _ := strings.Cut(reference, ": ")
	for _, path := range []string{webTests + "protocol/" + name + ".test.ts", webTests + name + ".test.ts"} {
		if _, err := os.Stat(root(path)); err == nil {
			return path, title
		}
	}
	return "", title
}

// isTitle tells whether a file has a test of exactly this title.
func isTitle(file, title string) bool {
	text, err := os.ReadFile(root(file))
	return err == nil && regexp.MustCompile(`(?m)\(['"`+"`"+`]`+regexp.QuoteMeta(title)+`['"`+"`"+`], (async )?\(`).Match(text)
}

func TestEveryClientStandsEveryItem(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range loadClaims(t) {
		if seen[c.ID] || c.Item == "" {
			t.Errorf("%s is there twice or says nothing", c.ID)
		}
		seen[c.ID] = true
		if len(c.Go) == 0 || len(c.Web) == 0 {
			t.Errorf("%s: a client has no test", c.ID)
		}
		for _, reference := range c.Go {
			if why := find(reference); why != "" {
				t.Errorf("%s: %s: %s", c.ID, reference, why)
			}
		}
		for _, reference := range c.Web {
			if file, title := webFile(reference); !isTitle(file, title) {
				t.Errorf("%s: no test of that title: %s", c.ID, reference)
			}
		}
	}
}

func TestTheConformancePageIsCurrent(t *testing.T) {
	t.Parallel()
	keep(t, conformancePage, renderClaims(loadClaims(t)))
}

func renderClaims(claims []claim) string {
	var b strings.Builder
	b.WriteString("<!-- Made from test/features/conformance.yaml by go test ./test/features -update; do not edit. -->\n")
	b.WriteString("# What a client stands\n\nEach row is shown by a test of the Go client and by one of the web client.\n\n")
	b.WriteString("| # | what happens | Go client | web client |\n| --- | --- | --- | --- |\n")
	for _, c := range claims {
		var web []string
		for _, reference := range c.Web {
			file, title := webFile(reference)
			web = append(web, file+": "+title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.ID, c.Item, tests(c.Go), tests(web))
	}
	return b.String()
}
