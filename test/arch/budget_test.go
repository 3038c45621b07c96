// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Limits that fail a build. The aims are lower: a file of about 100 lines, a function of about 10.
const (
	maxFileLines       = 500
	maxTestFileLines   = 800
	maxFunctionLines   = 80
	maxTypeScriptLines = 500

	// Above these a reviewer asks; they are printed, not refused.
	askFileLines     = 300
	askFunctionLines = 60
	askMethods       = 8
	askParameters    = 6
	askPackageFiles  = 25
)

// size is one measured thing: a file by its path, a function as path:name.
type size struct {
	what  string
	lines int
	limit int
}

// measure lists the sizes of all hand-written code.
func measure(t *testing.T) []size {
	t.Helper()
	var sizes []size
	for _, s := range sources(t) {
		limit := maxFileLines
		if s.isTest() {
			limit = maxTestFileLines
		}
		sizes = append(sizes, size{s.path, lines(s.text), limit})
		if !s.isTest() {
			sizes = append(sizes, functions(s)...)
		}
	}
	err := walk(func(p string) error {
		if !strings.HasSuffix(p, ".ts") && !strings.HasSuffix(p, ".tsx") || strings.Contains(p, "/gen/") {
			return nil
		}
		text, err := read(p)
		sizes = append(sizes, size{p, lines(text), maxTypeScriptLines})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

func lines(text string) int { return strings.Count(text, "\n") }

func functions(s source) []size {
	var sizes []size
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			sizes = append(sizes, size{s.path + ":" + functionName(fn), s.line(fn.End()) - s.line(fn.Pos()) + 1, maxFunctionLines})
		}
	}
	return sizes
}

func functionName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	receiver := fn.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if index, ok := receiver.(*ast.IndexExpr); ok {
		receiver = index.X
	}
	if id, ok := receiver.(*ast.Ident); ok {
		return id.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// exceptions reads exceptions.txt: path or path:function, measured value, reason.
func exceptions(t *testing.T) map[string]int {
	t.Helper()
	text, err := read("test/arch/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]int{}
	scanner := bufio.NewScanner(strings.NewReader(text))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 4 {
			t.Fatalf("exceptions.txt: %q: want path, measured lines, and a reason in words", scanner.Text())
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatalf("exceptions.txt: %q: %v", scanner.Text(), err)
		}
		list[fields[0]] = n
	}
	return list
}

func TestBudgetsOfFilesAndFunctions(t *testing.T) {
	t.Parallel()
	allowed := exceptions(t)
	for _, s := range measure(t) {
		listed, ok := allowed[s.what]
		delete(allowed, s.what)
		switch {
		case !ok && s.lines > s.limit:
			t.Errorf("%s has %d lines, the budget is %d: split it by concept", s.what, s.lines, s.limit)
		case ok && s.lines > listed:
			t.Errorf("%s grew from %d to %d lines; its exception only shrinks", s.what, listed, s.lines)
		case ok && s.lines <= s.limit:
			t.Errorf("%s has %d lines and needs no exception any more: take its line out", s.what, s.lines)
		}
	}
	for what := range allowed {
		t.Errorf("exceptions.txt names %s, which does not exist", what)
	}
}

// row is one line of the printed table.
type row struct {
	code, test, comment, filled int
	files, functions            []size
}

// TestBudgetTable prints what the budgets measure; it refuses nothing.
func TestBudgetTable(t *testing.T) {
	t.Parallel()
	rows := map[string]*row{}
	var total row
	for _, s := range sources(t) {
		dir := path.Dir(s.path)
		if rows[dir] == nil {
			rows[dir] = &row{}
		}
		rows[dir].add(s)
		total.add(s)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-44s %6s %6s %5s %5s  %s\n", "package", "code", "test", "t:c", "doc", "largest file · largest function")
	for _, dir := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintln(&table, rows[dir].format(dir))
	}
	fmt.Fprintln(&table, total.format("all"))
	t.Logf("sizes in lines\n%s", table.String())
	for _, note := range notes(t, rows) {
		t.Log(note)
	}
}

func (r *row) add(s source) {
	n := lines(s.text)
	if s.supportsTests() { // doubles and suites are tests that lie in a package of their own
		r.test += n
		return
	}
	r.code += n
	r.files = append(r.files, size{path.Base(s.path), n, 0})
	r.functions = append(r.functions, functions(s)...)
	for line := range strings.SplitSeq(s.text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "// SPDX") {
			continue
		}
		r.filled++
		if strings.HasPrefix(line, "//") {
			r.comment++
		}
	}
}

func (r *row) format(name string) string {
	longest := func(sizes []size) string {
		if len(sizes) == 0 {
			return "–"
		}
		m := slices.MaxFunc(sizes, func(a, b size) int { return cmp.Compare(a.lines, b.lines) })
		return fmt.Sprintf("%s %d", m.what[strings.LastIndex(m.what, ":")+1:], m.lines)
	}
	return fmt.Sprintf("%-44s %6d %6d %5.2f %4.0f%%  %s · %s", name, r.code, r.test,
		ratio(r.test, r.code), 100*ratio(r.comment, r.filled), longest(r.files), longest(r.functions))
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// notes lists what a reviewer asks about.
func notes(t *testing.T, rows map[string]*row) []string {
	t.Helper()
	var list []string
	for dir, r := range rows {
		if len(r.files) > askPackageFiles {
			list = append(list, fmt.Sprintf("ask: %s has %d files", dir, len(r.files)))
		}
	}
	for _, s := range sources(t) {
		if !s.isTest() {
			list = append(list, wide(s)...)
			if n := lines(s.text); n > askFileLines {
				list = append(list, fmt.Sprintf("ask: %s has %d lines", s.path, n))
			}
		}
	}
	slices.Sort(list)
	return list
}

// wide lists the interfaces, parameter lists and functions of a file that are larger than usual.
func wide(s source) []string {
	var list []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.InterfaceType:
			if count := n.Methods.NumFields(); count > askMethods {
				list = append(list, fmt.Sprintf("ask: %s:%d interface of %d methods", s.path, s.line(n.Pos()), count))
			}
		case *ast.FuncDecl:
			if count := n.Type.Params.NumFields(); count > askParameters {
				list = append(list, fmt.Sprintf("ask: %s:%s takes %d parameters", s.path, functionName(n), count))
			}
			if count := s.line(n.End()) - s.line(n.Pos()) + 1; count > askFunctionLines {
				list = append(list, fmt.Sprintf("ask: %s:%s has %d lines", s.path, functionName(n), count))
			}
		}
		return true
	})
	return list
}
