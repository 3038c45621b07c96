// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"crypto/rand"
	"encoding/hex"
)

// keyBytes of randomness: nobody guesses a key, and two are never the same.
const keyBytes = 16

// keyLength is two digits, a slash and the rest.
const keyLength = 2*keyBytes + 1

// NewKey makes the key of a blob: two hexadecimal digits, a slash and thirty more. The first two spread
// blobs over folders and over the prefixes by which S3 shares its load.
func NewKey() string {
	var random [keyBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	digits := hex.EncodeToString(random[:])
	return digits[:2] + "/" + digits[2:]
}

// CheckKey is ErrKey for anything that NewKey does not make.
func CheckKey(key string) error {
	if len(key) != keyLength {
		return ErrKey
	}
	for i := range len(key) {
		c := key[i]
		if i == 2 {
			if c != '/' {
				return ErrKey
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ErrKey
		}
	}
	return nil
}
