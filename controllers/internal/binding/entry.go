// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// Bound is a binding that was checked.
type Bound struct {
	// Binding without its Source.
	Binding manifest.Binding

	values map[string][]byte
}

// Parse checks the entries of a Secret. keys maps an entry to the Secret's name for it; an entry that is
// not in keys has its own name. Entries that nobody reads are ignored.
func Parse(
	dependency component.Dependency, secret string, data map[string][]byte, keys map[string]string,
) (Bound, *Problem) {
	e := entries{dependency: dependency, secret: secret, keys: map[string]string{}, values: map[string][]byte{}}
	if problem := e.collect(data, keys); problem != nil {
		return Bound{}, problem
	}
	switch dependency {
	case component.SMS:
		return e.provider()
	case component.SpeechProvider:
		return e.speech()
	case component.ObjectStore:
		return e.objectStore()
	default:
	}
	for _, check := range []func() *Problem{e.checkType, e.checkPlace, e.checkPairs, e.checkCertificates} {
		if problem := check(); problem != nil {
			return Bound{}, problem
		}
	}
	place, problem := e.place()
	if problem != nil {
		return Bound{}, problem
	}
	return Bound{
		Binding: manifest.Binding{Secret: secret, Keys: e.keys, Host: place.host, Port: place.port},
		values:  e.values,
	}, nil
}

// entries are those of one Secret that somebody reads, as they are there.
type entries struct {
	dependency component.Dependency
	secret     string
	keys       map[string]string
	values     map[string][]byte
}

func (e *entries) collect(data map[string][]byte, keys map[string]string) *Problem {
	for _, entry := range readable(e.dependency) {
		key, mapped := keys[entry]
		if !mapped {
			key = entry
		}
		value, ok := data[key]
		if !ok {
			if mapped {
				return problemf(chatv1alpha1.SuffixKeyMissing,
					"add the key %q to the Secret %q: the spec names it for the entry %s", key, e.secret, entry)
			}
			continue
		}
		value = bytes.TrimSuffix(value, []byte("\n"))
		e.keys[entry], e.values[entry] = key, value
		if bytes.ContainsAny(value, "\x00\r") || !utf8.Valid(value) {
			return e.invalid(entry, "must be UTF-8 without NUL and carriage return")
		}
		if isLine(entry) && strings.ContainsFunc(string(value), isControl) {
			return e.invalid(entry, "must be one line without control characters")
		}
		if len(value) == 0 {
			return e.invalid(entry, "is empty")
		}
	}
	return nil
}

// readable lists each entry that any reader reads.
func readable(dependency component.Dependency) []string {
	var all []string
	for _, reader := range component.Readers(dependency) {
		for _, entry := range component.Entries(dependency, reader) {
			if !slices.Contains(all, entry) {
				all = append(all, entry)
			}
		}
	}
	return all
}

// isLine: all but certificates and passwords, which may hold anything.
func isLine(entry string) bool {
	switch entry {
	case component.EntryCA, component.EntryCertificate, component.EntryPrivateKey:
		return false
	default:
		return !strings.HasSuffix(entry, component.EntryPassword)
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (e *entries) has(entry string) bool {
	_, ok := e.values[entry]
	return ok
}

func (e *entries) text(entry string) string { return string(e.values[entry]) }

// invalid says what is wrong with an entry without its value.
func (e *entries) invalid(entry, what string) *Problem {
	return problemf(chatv1alpha1.SuffixInvalid, "correct the key %q of the Secret %q: the entry %s %s",
		e.keys[entry], e.secret, entry, what)
}

func (e *entries) missing(entry, why string) *Problem {
	return problemf(chatv1alpha1.SuffixKeyMissing, "add the key %q to the Secret %q: %s", entry, e.secret, why)
}

func (e *entries) checkType() *Problem {
	allowed := []string{string(e.dependency)}
	switch e.dependency {
	case component.MySQL:
		allowed = append(allowed, "mariadb")
	case component.ObjectStore:
		allowed = []string{"s3"}
	default:
	}
	if e.has(component.EntryType) && !slices.Contains(allowed, e.text(component.EntryType)) {
		return e.invalid(component.EntryType, "must be "+strings.Join(allowed, " or "))
	}
	return nil
}

// checkPairs: half of a pair is a mistake that would show only when somebody connects.
func (e *entries) checkPairs() *Problem {
	pairs := [][2]string{{component.EntryCertificate, component.EntryPrivateKey}}
	if e.dependency == component.MySQL {
		for _, reader := range component.Readers(e.dependency) {
			prefix := component.UserPrefix(reader)
			pairs = append(pairs, [2]string{prefix + component.EntryUsername, prefix + component.EntryPassword})
		}
	}
	for _, pair := range pairs {
		switch first, second := e.has(pair[0]), e.has(pair[1]); {
		case first && !second:
			return e.missing(pair[1], pair[0]+" is there and needs it")
		case second && !first:
			return e.missing(pair[0], pair[1]+" is there and needs it")
		}
	}
	return nil
}
