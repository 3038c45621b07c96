// SPDX-License-Identifier: Apache-2.0

package user

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// tokenPrefix lets secret scanners find a token that leaked.
const tokenPrefix = "parley_s1_" //nolint:gosec // no credential, only how one begins

// tokenBytes of randomness: nobody guesses 256 bits.
const tokenBytes = 32

// TokenHash is what is stored of a token. A plain SHA-256 is enough for 256 random bits.
type TokenHash [sha256.Size]byte

// newToken makes a token; the system's randomness never fails (crypto/rand ends the process instead).
func newToken() (token string, hash TokenHash) {
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:])
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return token, sha256.Sum256([]byte(token))
}

// hashToken reads a token as a client sent it; ok is false for what can be none of ours.
func hashToken(token string) (hash TokenHash, ok bool) {
	encoded, found := strings.CutPrefix(token, tokenPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !found || err != nil || len(raw) != tokenBytes {
		return TokenHash{}, false
	}
	return sha256.Sum256([]byte(token)), true
}
