// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// reason is a cause of refusals that clients can tell apart.
type reason struct {
	Name  string
	Code  string // of Connect
	Text  string
	Owner string // folder below services: a service, or "internal"
}

// Status is the HTTP status of the reason's code.
func (r reason) Status() string { return statuses()[r.Code] }

// statuses gives the HTTP status of each Connect code that a handler answers.
func statuses() map[string]string {
	return map[string]string{
		"invalid_argument": "400", "failed_precondition": "400", "unauthenticated": "401", "permission_denied": "403", "not_found": "404",
		"already_exists": "409", "aborted": "409", "resource_exhausted": "429", "internal": "500", "unavailable": "503",
	}
}

// codes gives the Connect code of each kind of fault.
func codes() map[string]string {
	return map[string]string{
		"Invalid": "invalid_argument", "Unauthenticated": "unauthenticated", "Denied": "permission_denied", "NotFound": "not_found",
		"Exists": "already_exists", "Conflict": "aborted", "Precondition": "failed_precondition", "Exhausted": "resource_exhausted",
		"Unavailable": "unavailable",
	}
}

// declaration is a sentinel: fault.New(fault.NotFound, "NOT_FOUND", "no such message").
var declaration = regexp.MustCompile(`\bNew\(\s*(?:fault\.)?([A-Z][A-Za-z]+),\s*"([A-Z][A-Z0-9_]+)",\s*"([^"]*)"`)

// isClosed tells folders whose reasons no client sees: doubles, identities between components, and
// packages that are not Go's.
func isClosed(folder string) bool {
	return strings.HasSuffix(folder, "test") || folder == "identity" || folder == "node_modules"
}

// readReasons finds the sentinels in the Go files below a folder, by name, then owner; tests do not
// count. Several owners may declare one reason, each with a text of its own.
func readReasons(dir string) ([]reason, error) {
	var all []reason
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && isClosed(entry.Name()) {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		owner, _, _ := strings.Cut(path, "/")
		all = append(all, declared(owner, string(text))...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read reasons: %w", err)
	}
	slices.SortStableFunc(all, func(a, b reason) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Owner, b.Owner)) })
	return all, nil
}

// declared lists the sentinels of one file.
func declared(owner, text string) []reason {
	var all []reason
	for _, m := range declaration.FindAllStringSubmatch(text, -1) {
		if code := codes()[m[1]]; code != "" { // else another New
			all = append(all, reason{Name: m[2], Code: code, Text: m[3], Owner: owner})
		}
	}
	return all
}

// merged is each reason once, with all its texts.
func merged(all []reason) []reason {
	var once []reason
	for _, r := range all {
		if n := len(once); n == 0 || once[n-1].Name != r.Name {
			once = append(once, r)
		} else if !strings.Contains(once[n-1].Text, r.Text) {
			once[n-1].Text += "; " + r.Text
		}
	}
	return once
}

// nearest is each reason once, in the words of a service if it declares the reason itself, else in
// those that all services have, else in the first.
func nearest(all []reason, owner string) []reason {
	var once []reason
	for _, r := range all {
		n := len(once)
		switch {
		case n == 0 || once[n-1].Name != r.Name:
			once = append(once, r)
		case r.Owner == owner, r.Owner == "internal" && once[n-1].Owner != owner:
			once[n-1] = r
		}
	}
	return once
}
