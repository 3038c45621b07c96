// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"go/ast"
	"path"
	"testing"
)

// TestEveryCRDFieldHasAComment: the comments of api/v1alpha1 are the reference that kubectl explain shows.
func TestEveryCRDFieldHasAComment(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if path.Dir(s.path) != "api/v1alpha1" || s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				checkFieldComments(t, s, spec.Name.Name, fields)
			}
			return true
		})
	}
}

func checkFieldComments(t *testing.T, s source, typeName string, fields *ast.StructType) {
	t.Helper()
	for _, field := range fields.Fields.List {
		for _, name := range field.Names { // an embedded field has none: its type says what it is
			if name.IsExported() && field.Tag != nil && field.Doc.Text() == "" {
				t.Errorf("%s:%d field %s.%s has no comment", s.path, s.line(name.Pos()), typeName, name.Name)
			}
		}
	}
}
