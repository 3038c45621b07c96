// SPDX-License-Identifier: Apache-2.0

// Package page makes opaque tokens that only this cluster can make.
//
// A token is base64url of an HMAC-SHA-256 tag, cut to 16 bytes, and the JSON of a position. The tag
// covers a scope (list and caller), so that a token of one list or person is refused by another. Nobody
// else can make one, but its holder can read it: where a position may tell what its holder is not to know,
// the token is sealed.
package page

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/parley-chat/parley/services/internal/fault"
)

// tagBytes of the HMAC are kept: 128 bits cannot be guessed (RFC 2104 section 5).
const tagBytes = 16

// Codec makes and reads tokens under one key.
type Codec struct{ key []byte }

// NewCodec takes the key; 32 random bytes are right.
func NewCodec(key []byte) Codec { return Codec{key: append([]byte(nil), key...)} }

// Encode makes a token for a position. Scope is the list and who reads it.
func (c Codec) Encode(scope string, position any) (string, error) {
	body, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(c.tag(scope, body), body...)), nil
}

// Decode reads a token into position. A token that is not ours, or of another scope, is
// fault.ErrPageToken.
func (c Codec) Decode(scope, token string, position any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < tagBytes {
		return fault.ErrPageToken
	}
	tag, body := raw[:tagBytes], raw[tagBytes:]
	if !hmac.Equal(tag, c.tag(scope, body)) || json.Unmarshal(body, position) != nil {
		return fault.ErrPageToken
	}
	return nil
}

// Seal is Encode for a position that the holder of the token must not read. Open reads it.
func (c Codec) Seal(scope string, position any) (string, error) {
	body, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	lock, err := c.lock()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(lock.Seal(nil, nil, body, []byte(scope))), nil //nolint:gosec // it makes a nonce itself
}

// Open is Decode for what Seal made.
func (c Codec) Open(scope, token string, position any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return fault.ErrPageToken
	}
	lock, err := c.lock()
	if err != nil {
		return err
	}
	body, err := lock.Open(nil, nil, raw, []byte(scope))
	if err != nil || json.Unmarshal(body, position) != nil {
		return fault.ErrPageToken
	}
	return nil
}

// lock is AES-256-GCM with random nonces, under a key of its own.
func (c Codec) lock() (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte("seal"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (c Codec) tag(scope string, body []byte) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(scope))
	mac.Write([]byte{0})
	mac.Write(body)
	return mac.Sum(nil)[:tagBytes]
}
