// SPDX-License-Identifier: Apache-2.0

// Package binding finds the Secret of each store and checks what it says.
//
// Secrets are read by name and never listed. What is wrong is told by the names of Secret, key and entry;
// a value leaves this package only as part of an HMAC.
package binding

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// Where a Secret is named, as in manifest.Binding and in status.
const (
	SourceSecretRef  = "secretRef"
	SourceBindingRef = "bindingRef"
)

// Problem says why a dependency is not bound.
type Problem struct {
	Dependency component.Dependency
	// Suffix is SecretMissing, KeyMissing, Invalid, BindingNotReady or BindingForbidden.
	Suffix string
	// Message names objects, keys and entries, and says what to do. It holds no value.
	Message string
}

// Reason is the one of the condition DependenciesReady, like MySQLSecretMissing.
func (p Problem) Reason() string { return DisplayName(p.Dependency) + p.Suffix }

// DisplayName of a dependency, as in reasons: MySQL for mysql.
func DisplayName(d component.Dependency) string {
	switch d {
	case component.MySQL:
		return "MySQL"
	case component.RabbitMQ:
		return "RabbitMQ"
	case component.Elasticsearch:
		return "Elasticsearch"
	case component.SMS:
		return "SMS"
	case component.ObjectStore:
		return "ObjectStore"
	case component.SpeechProvider:
		return "Speech"
	default:
		return string(d)
	}
}

// Result is what was found in one pass.
type Result struct {
	// Bindings of the dependencies that are complete.
	Bindings map[component.Dependency]manifest.Binding
	// Problems of the others, in the order of the spec.
	Problems []Problem
	// Sources and Secrets of all dependencies, as far as they are known; for status.
	Sources map[component.Dependency]string
	Secrets map[component.Dependency]string

	values map[component.Dependency]map[string][]byte
}

// Hashes answers for each reader of a dependency an HMAC-SHA-256, in hexadecimal digits, over the entries
// that it reads and the name of the Secret. Other entries change nothing, nor does one newline at the end.
//
// With a Problem it answers nil: pods must stay as they are rather than roll to half a binding.
func (r Result) Hashes(key []byte) map[component.Name]string {
	if len(r.Problems) > 0 {
		return nil
	}
	hashes := map[component.Name]string{}
	for _, reader := range append(component.All(), component.Jobs()...) {
		if hash, ok := r.hash(key, reader); ok {
			hashes[reader] = hash
		}
	}
	return hashes
}

func (r Result) hash(key []byte, reader component.Name) (string, bool) {
	mac, found := hmac.New(sha256.New, key), false
	for _, dependency := range component.Dependencies() {
		values, ok := r.values[dependency]
		if !ok || !slices.Contains(component.Readers(dependency), reader) {
			continue
		}
		found = true
		writeSized(mac, string(dependency), r.Bindings[dependency].Secret)
		for _, entry := range component.Entries(dependency, reader) {
			if value, ok := values[entry]; ok {
				writeSized(mac, entry, string(value))
			}
		}
	}
	return hex.EncodeToString(mac.Sum(nil)), found
}

// writeSized keeps the parts apart, so that no two bindings look the same.
func writeSized(w io.Writer, parts ...string) {
	for _, part := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		_, _ = w.Write(size[:]) // a hash never fails
		_, _ = io.WriteString(w, part)
	}
}
