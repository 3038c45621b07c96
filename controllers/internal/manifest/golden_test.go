// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
)

var update = flag.Bool("update", false, "write the golden files")

func TestBuildersWriteTheGoldenManifests(t *testing.T) {
	t.Parallel()
	for _, dir := range cases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			got, golden := render(t, children(load(t, dir))), filepath.Join(dir, "want.yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run with -update when this is meant (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSameInputGivesTheSameBytesAndIsNotChanged(t *testing.T) {
	t.Parallel()
	for _, dir := range cases(t) {
		in, untouched := load(t, dir), load(t, dir)
		first := render(t, children(in))
		for range 5 {
			if again := render(t, children(in)); again != first {
				t.Fatalf("%s: another pass gives other bytes:\n%s", dir, cmp.Diff(first, again))
			}
		}
		if diff := cmp.Diff(untouched, in); diff != "" {
			t.Errorf("%s: a builder changed its input:\n%s", dir, diff)
		}
	}
}

// TestPodsGetDeclaredVariablesOnly: what the operator writes and what a service reads is one list.
func TestPodsGetDeclaredVariablesOnly(t *testing.T) {
	t.Parallel()
	declared := append(declaredVariables(t), "GOMEMLIMIT")
	for _, dir := range cases(t) {
		in := load(t, dir)
		theirs := overrideNames(in)
		for _, pod := range pods(t, children(in)) {
			for _, variable := range pod.spec.Containers[0].Env {
				if !slices.Contains(declared, variable.Name) && !slices.Contains(theirs, variable.Name) {
					t.Errorf("%s: %s has %s, which api/component does not declare", dir, pod.name, variable.Name)
				}
			}
		}
	}
}

// declaredVariables reads the constants of api/component, so that a new one needs no line here.
func declaredVariables(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../api/component/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Env") {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					names = append(names, text)
				}
			}
			return true
		})
	}
	if !slices.Contains(names, component.EnvMySQLTLS) {
		t.Fatalf("the constants of api/component were not found: %v", names)
	}
	return names
}
