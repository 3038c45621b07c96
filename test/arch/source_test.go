// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// asksForServers matches the variable that forbids skips, by its name or by the constant for it.
var asksForServers = regexp.MustCompile(`PARLEY_TEST_REQUIRE_SERVERS|\bRequireVariable\b`)

const spdx = "// SPDX-License-Identifier: Apache-2.0\n\n"

func TestEveryHandWrittenFileStartsWithItsLicence(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.text, spdx) {
			t.Errorf("%s does not start with %q and a blank line", s.path, strings.TrimSpace(spdx))
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		dir := path.Dir(s.path)
		list := comments[dir]
		if s.file.Doc != nil {
			list = append(list, s.path)
			checkPackageComment(t, s)
		}
		comments[dir] = list
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments %v, want one that says what the package promises", dir, len(files), files)
		}
	}
}

func checkPackageComment(t *testing.T, s source) {
	t.Helper()
	text := s.file.Doc.Text()
	if s.file.Name.Name == "main" {
		return
	}
	if want := "Package " + s.file.Name.Name + " "; !strings.HasPrefix(text, want) {
		t.Errorf("%s: the package comment starts with %q, want %q", s.path, firstLine(text), want)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func TestNoTestSleeps(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.supportsTests() {
			continue
		}
		calls(s, "time", func(function string, call *ast.CallExpr) {
			if function == "Sleep" {
				t.Errorf("%s:%d sleeps: wait for the condition under a deadline, or use testing/synctest", s.path, s.line(call.Pos()))
			}
		})
	}
}

// TestNoTestSkipsSilently: a skip is for a server that is not there, says how to start it, and becomes a
// failure where PARLEY_TEST_REQUIRE_SERVERS says so. Each file that skips shows that it follows the rule.
func TestNoTestSkipsSilently(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.supportsTests() || asksForServers.MatchString(s.text) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if isStep(n) {
				return false // of a random run: the next step is drawn, nothing is left out
			}
			sel, ok := n.(*ast.SelectorExpr)
			if ok && (sel.Sel.Name == "Skip" || sel.Sel.Name == "Skipf" || sel.Sel.Name == "SkipNow") && isTestingValue(sel.X) {
				t.Errorf("%s:%d skips without asking PARLEY_TEST_REQUIRE_SERVERS: a skipped test proves nothing", s.path, s.line(sel.Pos()))
			}
			return true
		})
	}
}

// isStep tells a function of the random test library, whose Skip means "draw another step".
func isStep(n ast.Node) bool {
	fn, ok := n.(*ast.FuncLit)
	if !ok || len(fn.Type.Params.List) != 1 {
		return false
	}
	star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "rapid"
}

func isTestingValue(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && (id.Name == "t" || id.Name == "b" || id.Name == "f" || id.Name == "tb")
}

// TestOnlyWiringReadsTheEnvironment: everything else gets values, so that tests set no process state.
func TestOnlyWiringReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.supportsTests() || below(s.path, "hack") || below(s.path, "services/internal/failpoint") || s.file.Name.Name == "main" {
			continue
		}
		calls(s, "os", func(function string, call *ast.CallExpr) {
			switch function {
			case "Getenv", "LookupEnv", "Environ", "Setenv", "ExpandEnv":
				t.Errorf("%s:%d calls os.%s: main reads the environment and passes values down", s.path, s.line(call.Pos()), function)
			}
		})
	}
}

// TestOnlyWiringReadsTheClock: constructors take now, so that time is a value in tests.
func TestOnlyWiringReadsTheClock(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.supportsTests() || isWiring(s) {
			continue
		}
		calls(s, "time", func(function string, call *ast.CallExpr) {
			if function == "Now" && !s.excused(call.Pos()) {
				t.Errorf("%s:%d calls time.Now: take now func() time.Time", s.path, s.line(call.Pos()))
			}
		})
		calls(s, "context", func(function string, call *ast.CallExpr) {
			if (function == "Background" || function == "TODO") && !s.excused(call.Pos()) {
				t.Errorf("%s:%d calls context.%s: take the caller's context", s.path, s.line(call.Pos()), function)
			}
		})
	}
}

// excused tells that the line says to the linter, with a reason, why it departs from the rule.
func (s source) excused(pos token.Pos) bool {
	text := strings.Split(s.text, "\n")[s.line(pos)-1]
	return strings.Contains(text, "//nolint:forbidigo // ")
}

func isWiring(s source) bool {
	dir := path.Dir(s.path)
	return s.file.Name.Name == "main" || path.Base(dir) == "server" || below(dir, "services/dev") || below(dir, "hack")
}
