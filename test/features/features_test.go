// SPDX-License-Identifier: Apache-2.0

package features_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/api/openapi"
)

var update = flag.Bool("update", false, "write the pages of docs/reference")

const page = "docs/reference/features.md"

func root(p string) string { return filepath.Join("..", "..", filepath.FromSlash(p)) }

// row of a table.
type row struct {
	ID       string   `yaml:"id"`
	Original string   `yaml:"original"`
	Name     string   `yaml:"name"`
	Method   string   `yaml:"method"`
	Event    string   `yaml:"event"`
	Frame    string   `yaml:"frame"`
	Dropped  string   `yaml:"dropped"`
	Rule     string   `yaml:"rule"`
	Tests    []string `yaml:"tests"`
	Missing  string   `yaml:"missing"`
}

type table struct {
	Open int   `yaml:"open"`
	Rows []row `yaml:"rows"`
}

func load(t *testing.T, name string) table {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var made table
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&made); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return made
}

// target is what stands for an original operation, and whether it exists yet.
func (r row) target() (name string, exists bool) {
	switch {
	case r.Method != "":
		document, err := openapi.FS().ReadFile("openapi.yaml")
		return r.Method, err == nil && strings.Contains(string(document), "\n  /parley."+r.Method+":\n")
	case r.Event != "":
		value := "EVENT_TYPE_" + strings.ToUpper(strings.ReplaceAll(r.Event, ".", "_"))
		_, ok := eventv1.EventType_value[value]
		return "event " + r.Event, ok
	case r.Frame != "":
		frame := (&gatewayv1.ClientFrame{}).ProtoReflect().Descriptor()
		return "frame " + r.Frame, frame.Fields().ByJSONName(r.Frame) != nil
	default:
		return "nothing: " + r.Dropped, true
	}
}

// find tells why a test is not there, "" if it is.
func find(reference string) string {
	place, name, ok := strings.Cut(reference, ": ")
	if !ok {
		return "write it as place: name"
	}
	info, err := os.Stat(root(place))
	if err != nil {
		return "no " + place
	}
	files := []string{root(place)}
	want := regexp.MustCompile(regexp.QuoteMeta(name))
	if info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(root(place), "*_test.go"))
		want = regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(`)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && want.Match(text) {
			return ""
		}
	}
	return "no such test in " + place
}

func TestEveryNamedTestExists(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"calls.yaml", "features.yaml"} {
		seen := map[string]bool{}
		for _, r := range load(t, file).Rows {
			if seen[r.ID] {
				t.Errorf("%s: %s is there twice", file, r.ID)
			}
			seen[r.ID] = true
			for _, reference := range r.Tests {
				if why := find(reference); why != "" {
					t.Errorf("%s, %s: %s: %s", file, r.ID, reference, why)
				}
			}
		}
	}
}

func TestFindSeesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for reference, there := range map[string]bool{
		"test/features: TestFindSeesWhatIsNotThere": true, "test/features: TestFindSees": false, "test/nowhere: TestX": false,
		"test/features/calls.yaml: UserRegister": true, "test/features/calls.yaml: nobody wrote this": false, "test/features": false,
	} {
		if got := find(reference) == ""; got != there {
			t.Errorf("%q is found: %v", reference, got)
		}
	}
}

// A method that is gone or misspelled raises the count; whoever adds one lowers it.
func TestWhatIsOpenIsCounted(t *testing.T) {
	t.Parallel()
	calls, features := load(t, "calls.yaml"), load(t, "features.yaml")
	var open []string
	for _, r := range calls.Rows {
		if _, exists := r.target(); !exists || len(r.Tests) == 0 {
			open = append(open, r.ID)
		}
	}
	count(t, "calls.yaml", calls.Open, open)
	open = nil
	for _, r := range features.Rows {
		if r.Missing != "" {
			open = append(open, r.ID)
		} else if len(r.Tests) == 0 {
			t.Errorf("%s has no test, and nothing is missing", r.ID)
		}
	}
	count(t, "features.yaml", features.Open, open)
}

func count(t *testing.T, file string, most int, open []string) {
	t.Helper()
	t.Logf("%s: %d rows are open: %s", file, len(open), strings.Join(open, " "))
	if len(open) > most {
		t.Errorf("%s: %d rows are open, and it was %d: is a method gone or misspelled? %v", file, len(open), most, open)
	}
}

func TestThePageIsCurrent(t *testing.T) {
	t.Parallel()
	keep(t, page, render(load(t, "calls.yaml"), load(t, "features.yaml")))
}

// keep writes a page with -update, and fails unless it is as it should be.
func keep(t *testing.T, page, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(root(page), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(root(page))
	if err != nil || string(got) != want {
		t.Errorf("%s is not current; run make generate (%v)", page, err)
	}
}

func render(calls, features table) string {
	var b strings.Builder
	b.WriteString("<!-- Made from test/features/calls.yaml and features.yaml by go test ./test/features -update; do not edit. -->\n")
	b.WriteString("# What Parley does, and what shows it\n\n## Operations of the original system\n\n")
	b.WriteString("| # | original | Parley | rule | shown by |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range calls.Rows {
		name, exists := r.target()
		shown := tests(r.Tests)
		if !exists {
			name += " (not yet)"
		} else if shown == "" {
			shown = "not yet"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Original, name, r.Rule, shown)
	}
	b.WriteString("\n## Features of the first release\n\n| # | feature | shown by | not yet |\n| --- | --- | --- | --- |\n")
	for _, r := range features.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, r.Name, tests(r.Tests), r.Missing)
	}
	return b.String()
}

// tests lists references for a cell.
func tests(references []string) string {
	var cells []string
	for _, reference := range references {
		place, name, _ := strings.Cut(reference, ": ")
		if strings.HasPrefix(name, "Test") {
			name = "`" + name + "`"
		}
		cells = append(cells, fmt.Sprintf("[%s](../../%s)", name, place))
	}
	return strings.Join(cells, ", ")
}
