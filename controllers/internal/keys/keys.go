// SPDX-License-Identifier: Apache-2.0

// Package keys makes the data of a cluster's own Secret.
//
// It is made once and read by every component; none of its keys protects what is stored, so it may be lost
// with its ChatCluster.
package keys

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/parley-chat/parley/api/component"
)

// keyBytes of an Ed25519 seed and public key (RFC 8032 section 5.1), and of a key of HMAC-SHA-256, which
// is as long as its output (RFC 2104 section 3).
const keyBytes = 32

// Generate makes all keys anew from random, which must be fit for cryptography.
func Generate(random io.Reader) (map[string][]byte, error) {
	return generate(random, component.All(), singles())
}

// singles are the entries that are no half of a pair.
func singles() []string {
	return []string{component.PageTokenKey, component.FileLinkKey, component.BindingHashKey}
}

// Supplement makes the keys that data lacks because it is older than the components that need them; nil if it
// lacks none. What was there from the beginning it never makes anew.
func Supplement(random io.Reader, data map[string][]byte) (map[string][]byte, error) {
	var pairs []component.Name
	for _, name := range []component.Name{component.File, component.Speech} {
		if !has(data, component.PrivateKey(name)) && !has(data, component.PublicKey(name)) {
			pairs = append(pairs, name)
		}
	}
	var entries []string
	if !has(data, component.FileLinkKey) {
		entries = append(entries, component.FileLinkKey)
	}
	if len(pairs)+len(entries) == 0 {
		return nil, nil
	}
	return generate(random, pairs, entries)
}

func has(data map[string][]byte, entry string) bool {
	_, ok := data[entry]
	return ok
}

func generate(random io.Reader, pairs []component.Name, entries []string) (map[string][]byte, error) {
	data := map[string][]byte{}
	for _, name := range pairs {
		seed, err := draw(random)
		if err != nil {
			return nil, err
		}
		data[component.PrivateKey(name)] = encode(seed)
		data[component.PublicKey(name)] = encode(publicOf(seed))
	}
	for _, entry := range entries {
		key, err := draw(random)
		if err != nil {
			return nil, err
		}
		data[entry] = encode(key)
	}
	return data, nil
}

// Check tells what is wrong with data that somebody else made, or nil. The error is a *ProblemsError and
// names entries, never values.
func Check(data map[string][]byte) error {
	var problems ProblemsError
	for _, name := range component.All() {
		seed, isSeed := problems.read(data, component.PrivateKey(name))
		public, isPublic := problems.read(data, component.PublicKey(name))
		if isSeed && isPublic && !slices.Equal(publicOf(seed), public) {
			problems.Wrong = append(problems.Wrong, component.PublicKey(name))
		}
	}
	for _, entry := range singles() {
		problems.read(data, entry)
	}
	for _, entry := range slices.Sorted(maps.Keys(data)) {
		if strings.HasPrefix(entry, component.PreviousPrefix) {
			problems.read(data, entry)
		}
	}
	if len(problems.Missing)+len(problems.Wrong) == 0 {
		return nil
	}
	return &problems
}

// BindingHashKey answers the key of the HMAC over bindings.
func BindingHashKey(data map[string][]byte) ([]byte, error) {
	var problems ProblemsError
	key, ok := problems.read(data, component.BindingHashKey)
	if !ok {
		return nil, &problems
	}
	return key, nil
}

// Fingerprint changes with every entry and gives none away: it is an HMAC in hexadecimal digits. Data
// without a key for it has none and answers "".
func Fingerprint(data map[string][]byte) string {
	key, err := BindingHashKey(data)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, key)
	for _, entry := range slices.Sorted(maps.Keys(data)) {
		writeSized(mac, []byte(entry))
		writeSized(mac, data[entry])
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// ProblemsError lists the entries that make data unfit, sorted as they were looked at.
type ProblemsError struct {
	Missing []string
	// Wrong entries are there and hold no key of 32 bytes in base64, or not the one that fits.
	Wrong []string
}

// Error names the entries.
func (e *ProblemsError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "missing "+strings.Join(e.Missing, ", "))
	}
	if len(e.Wrong) > 0 {
		parts = append(parts, "not a fitting key of 32 bytes in base64: "+strings.Join(e.Wrong, ", "))
	}
	return strings.Join(parts, "; ")
}

func (e *ProblemsError) read(data map[string][]byte, entry string) ([]byte, bool) {
	text, ok := data[entry]
	if !ok {
		e.Missing = append(e.Missing, entry)
		return nil, false
	}
	// The services read files in this way, and an editor leaves an end of line.
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	key, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(key) != keyBytes {
		e.Wrong = append(e.Wrong, entry)
		return nil, false
	}
	return key, true
}

func draw(random io.Reader) ([]byte, error) {
	key := make([]byte, keyBytes)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	return key, nil
}

func publicOf(seed []byte) []byte {
	return ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:]
}

func encode(key []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(nil, key), '\n')
}

// writeSized keeps entry and value apart, so that no two sets of entries look the same.
func writeSized(w io.Writer, value []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(value)))
	_, _ = w.Write(size[:]) // a hash never fails
	_, _ = w.Write(value)
}
