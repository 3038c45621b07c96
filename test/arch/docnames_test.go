// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"errors"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// docNames are kinds of names that documents take from the code: what does not stand there any more misleads.
func docNames() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"variable":             regexp.MustCompile(`\bPARLEY_[A-Z0-9_]*[A-Z0-9]\b`),
		"annotation or label":  regexp.MustCompile(`\bchat\.parley\.dev/[a-z-]*[a-z]\b`),
		"reason or enum value": regexp.MustCompile("`[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+`"),
		"name in the API":      regexp.MustCompile("`[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+`"),
	}
}

var (
	word       = regexp.MustCompile(`[\w./-]+`)
	metricInto = regexp.MustCompile(`\bparley_[a-z0-9_]*[a-z0-9]\b`)
	notMetric  = regexp.MustCompile(`^parley_(?:user|friend|file|message|[a-z]1)$`) // schemas, tokens
	makeCall   = regexp.MustCompile("(?:`|(?m)^)make ([a-z][a-z0-9-]*)")
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// documents are those for people, by path; what is made from the code is left out.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := walk(func(path string) error {
		if !strings.HasSuffix(path, ".md") || strings.HasPrefix(path, "docs/reference/") {
			return nil
		}
		text, err := read(path)
		texts[path] = text
		return err
	})
	if err != nil || len(texts) < 10 {
		t.Fatalf("%d documents, %v", len(texts), err)
	}
	return texts
}

// codeWords are all words of what is no document and no test.
func codeWords(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	err := walk(func(name string) error {
		switch path.Ext(name) {
		case ".go", ".proto", ".sh", ".yaml", ".ts", ".svelte", "":
		default:
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") || strings.HasPrefix(name, "test/") {
			return nil
		}
		text, err := read(name)
		for _, w := range word.FindAllString(text, -1) {
			words[w] = true
			for part := range strings.FieldsFuncSeq(w, func(r rune) bool { return r == '.' || r == '/' || r == '-' }) {
				words[part] = true
			}
		}
		return err
	})
	conditions, readErr := read("api/v1alpha1/chatcluster_conditions.go")
	for _, m := range regexp.MustCompile(`AnnotationPrefix \+ "([a-z-]+)"`).FindAllStringSubmatch(conditions, -1) {
		words["chat.parley.dev/"+m[1]] = true
	}
	composed, composedErr := read("docs/reference/reasons.md") // made from the code; a store and what ails it are one word
	for _, w := range word.FindAllString(composed, -1) {
		words[strings.TrimRight(w, ".")] = true
	}
	if err := errors.Join(err, readErr, composedErr); err != nil {
		t.Fatal(err)
	}
	return words
}

func TestDocumentsNameWhatTheCodeHas(t *testing.T) {
	t.Parallel()
	words := codeWords(t)
	for document, text := range documents(t) {
		for kind, pattern := range docNames() {
			for _, at := range pattern.FindAllStringIndex(text, -1) {
				name := strings.Trim(text[at[0]:at[1]], "`")
				if !words[name] && !strings.HasPrefix(text[at[1]:], "_…") {
					t.Errorf("%s: there is no %s %s in the code", document, kind, name)
				}
			}
		}
	}
}

func TestDocumentsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range sources(t) {
		if s.supportsTests() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				known[literal(lit)] = true
			}
			return true
		})
	}
	series := regexp.MustCompile(`_(?:bucket|count|sum)$`)
	for document, text := range documents(t) {
		for _, name := range metricInto.FindAllString(text, -1) {
			family := series.ReplaceAllString(name, "")
			ofGateway, isGateway := strings.CutPrefix(family, "parley_gateway_") // its collector adds this
			if known[family] || isGateway && known[ofGateway] || notMetric.MatchString(name) {
				continue
			}
			t.Errorf("%s: there is no metric %s", document, name)
		}
	}
}

func TestDocumentsNameTargetsOfMake(t *testing.T) {
	t.Parallel()
	makefile, err := read("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = true
	}
	for document, text := range documents(t) {
		for _, m := range makeCall.FindAllStringSubmatch(text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s: there is no make %s", document, m[1])
			}
		}
	}
}
