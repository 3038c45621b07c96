// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/parley-chat/parley"

// generatedLine is the mark of generated code, as https://go.dev/s/generatedcode fixes it.
var generatedLine = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// goPackage is what the rules need of `go list -json`.
type goPackage struct {
	ImportPath   string
	Name         string
	Dir          string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// rel is the import path below the module, "" for the module itself.
func (p goPackage) rel() string { return ours(p.ImportPath) }

// source is one hand-written Go file.
type source struct {
	path string // slash-separated, relative to the root
	text string
	fset *token.FileSet
	file *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// supportsTests tells a file that only tests use: a test, a package of doubles, or the test tree.
func (s source) supportsTests() bool {
	dir := filepath.ToSlash(filepath.Dir(s.path))
	return s.isTest() || strings.HasSuffix(dir, "test") || strings.HasPrefix(s.path, "test/")
}

func (s source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

// ours cuts the module path off an import path; "" for what is not ours.
func ours(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, modulePath+"/")
	if !ok {
		return ""
	}
	return rest
}

// below tells whether path is dir or lies in it.
func below(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

var (
	listOnce   = sync.OnceValues(listPackages)
	sourceOnce = sync.OnceValues(parseSources)
)

func root() string { return filepath.Join("..", "..") }

func packages(t *testing.T) []goPackage {
	t.Helper()
	list, err := listOnce()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return list
}

func sources(t *testing.T) []source {
	t.Helper()
	list, err := sourceOnce()
	if err != nil {
		t.Fatalf("read the sources: %v", err)
	}
	return list
}

func listPackages() ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(stderr.String())
	}
	var list []goPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
}

// walk calls visit for each file of the repository that a person wrote or that is committed.
func walk(visit func(path string) error) error {
	return filepath.WalkDir(root(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".cache", "node_modules", "dist", "bin":
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root(), path)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(rel))
	})
}

func read(path string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root(), filepath.FromSlash(path)))
	return string(b), err
}

func parseSources() ([]source, error) {
	var list []source
	err := walk(func(path string) error {
		if !strings.HasSuffix(path, ".go") || strings.Contains(path, "/testdata/") {
			return nil
		}
		text, err := read(path)
		if err != nil {
			return err
		}
		if generatedLine.MatchString(text) {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		list = append(list, source{path: path, text: text, fset: fset, file: file})
		return nil
	})
	return list, err
}

// calls reports each call of the form name.function in a file, by import path of the package.
func calls(s source, importPath string, visit func(function string, call *ast.CallExpr)) {
	name := importName(s.file, importPath)
	if name == "" {
		return
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
				visit(sel.Sel.Name, call)
			}
		}
		return true
	})
}

// importName is the name under which a file knows a package, "" if it does not import it.
func importName(f *ast.File, importPath string) string {
	for _, spec := range f.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return importPath[strings.LastIndex(importPath, "/")+1:]
	}
	return ""
}
