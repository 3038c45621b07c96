// SPDX-License-Identifier: Apache-2.0

package component

// Entries of the Secret with a cluster's own keys, which are also names of files in a folder of keys.
// Each holds 32 bytes in base64 text.
const (
	// PageTokenKey seals page tokens.
	PageTokenKey = "page-token"
	// FileLinkKey signs the links of files.
	FileLinkKey = "file-link"
	// BindingHashKey is the key of the HMAC over bindings; only the operator reads it.
	BindingHashKey = "binding-hash"
	// PreviousPrefix stands before the entry of a key that was replaced and is still accepted.
	PreviousPrefix = "previous-"
)

// PrivateKey is the entry with the Ed25519 seed of a component.
func PrivateKey(name Name) string { return "identity-" + string(name) + ".private" }

// PublicKey is the entry with the Ed25519 public key of a component.
func PublicKey(name Name) string { return "identity-" + string(name) + ".public" }

// HasPageToken tells whether a component makes page tokens.
func HasPageToken(name Name) bool { return name == User || name == Friend || name == Message }

// HasFileLink tells whether a component signs the links of files.
func HasFileLink(name Name) bool { return name == File }
