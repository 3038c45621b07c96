// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"

	"github.com/parley-chat/parley/api/component"
)

// Keys are what one component holds: its own private half and the public halves of all components,
// each with the previous one if there is one. The zero Keys signs nothing and believes nobody. They
// print as "redacted".
type Keys struct {
	self    component.Name
	private ed25519.PrivateKey
	public  map[component.Name][]ed25519.PublicKey
}

// GenerateKeys makes a key pair for each component and answers what each of them holds.
func GenerateKeys(components ...component.Name) map[component.Name]Keys {
	public := make(map[component.Name][]ed25519.PublicKey, len(components))
	keys := make(map[component.Name]Keys, len(components))
	for _, name := range components {
		pair, private := newPair()
		public[name] = []ed25519.PublicKey{pair}
		keys[name] = Keys{self: name, private: private, public: public}
	}
	return keys
}

func newPair() (ed25519.PublicKey, ed25519.PrivateKey) {
	// crypto/rand ends the program rather than answer an error since Go 1.24.
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return public, private
}

// IsZero tells keys that were never loaded.
func (k Keys) IsZero() bool { return k.private == nil && k.public == nil }

// Self is the component that the keys belong to.
func (k Keys) Self() component.Name { return k.self }

// String hides the private half.
func (Keys) String() string { return "redacted" }

// GoString hides the private half from %#v.
func (Keys) GoString() string { return "redacted" }

// LogValue hides the private half.
func (Keys) LogValue() slog.Value { return slog.StringValue("redacted") }
