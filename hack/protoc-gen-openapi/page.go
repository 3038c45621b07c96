// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed page.tmpl
var pages embed.FS

// writePage is the document as a page without scripts; its style is /docs/style.css.
func writePage(api *model) ([]byte, error) {
	page, err := template.New("page.tmpl").Funcs(template.FuncMap{
		"short": short, "limits": limitText, "shape": shapeText, "last": last, "introduction": introduction, "paragraphs": paragraphs,
	}).ParseFS(pages, "page.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse page.tmpl: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, api); err != nil {
		return nil, fmt.Errorf("fill page.tmpl: %w", err)
	}
	return out.Bytes(), nil
}

// short leaves out what every name begins with.
func short(name string) string { return strings.TrimPrefix(name, "parley.") }

// last is what stands after the last dot.
func last(name string) string { return name[strings.LastIndex(name, ".")+1:] }

func paragraphs(text string) []string { return strings.Split(text, "\n\n") }

// shapeText says the form of a field that is no message.
func shapeText(s shape) string {
	switch {
	case s.Wide():
		return "number as string"
	case s.Format == "byte":
		return "base64"
	case s.Kind == "integer", s.Kind == "number":
		return "number"
	default:
		return s.Kind
	}
}

// limitText says the limits of a field in words.
func limitText(f field) string {
	words := map[string]string{
		"minLength": "at least %v characters", "maxLength": "at most %v characters", "pattern": "matches %v", "minItems": "at least %v items",
		"maxItems": "at most %v items", "minimum": "at least %v", "exclusiveMinimum": "more than %v", "maximum": "at most %v",
		"exclusiveMaximum": "less than %v", "minProperties": "at least %v entries", "maxProperties": "at most %v entries", "const": "always %v",
		"format": "%v",
	}
	var parts []string
	if f.Required {
		parts = append(parts, "required")
	}
	for _, w := range f.Limits {
		switch text, ok := words[w.Name]; {
		case w.Name == "uniqueItems":
			parts = append(parts, "no item twice")
		case ok:
			parts = append(parts, fmt.Sprintf(text, w.Value))
		}
	}
	for _, w := range f.Items {
		if text, ok := words[w.Name]; ok {
			parts = append(parts, "each item "+fmt.Sprintf(text, w.Value))
		}
	}
	return strings.Join(parts, ", ")
}
