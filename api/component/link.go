// SPDX-License-Identifier: Apache-2.0

package component

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// administratorPrefix lets secret scanners find a link that leaked.
const administratorPrefix = "parley_a1_"

// NewAdministratorToken makes the token of a link for administrators, of 32 random bytes, and the hash under which
// it is stored. Whoever makes it shows it once; only the hash goes anywhere else.
func NewAdministratorToken() (token string, hash [sha256.Size]byte) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	token = administratorPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return token, sha256.Sum256([]byte(token))
}

// AdministratorLink is what a person opens; base is the address of the chat.
func AdministratorLink(base, token string) string {
	return strings.TrimRight(base, "/") + "/#/administrator/" + token
}
