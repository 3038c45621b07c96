// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/api/component"
)

// Names of the files in a folder of keys. Each holds base64 text and may end with one newline.
const (
	pageTokenFile = component.PageTokenKey
	fileLinkFile  = component.FileLinkKey
	privateSuffix = ".private"
	publicSuffix  = ".public"
	filePrefix    = "identity-"
	previous      = component.PreviousPrefix
)

const (
	// keyBytes of an Ed25519 seed and public key (RFC 8032 section 5.1), and of the key of HMAC-SHA-256,
	// which is as long as its output (RFC 2104 section 3).
	keyBytes = 32
	// maxKeyFileBytes is far above any key and bounds what a wrong path can make us read.
	maxKeyFileBytes = 4096
	keyFileMode     = 0o600
)

// WriteKeys makes new keys for all components, and those of page tokens and of links, in a folder that
// exists. It writes nothing and fails with fs.ErrExist if the folder has one of the files already.
func WriteKeys(dir string) error {
	for _, set := range newKeyFiles() {
		for name := range set {
			if exists(dir, name) {
				return fmt.Errorf("%s: %w", filepath.Join(dir, name), fs.ErrExist)
			}
		}
	}
	return CompleteKeys(dir)
}

// CompleteKeys makes the keys that a folder lacks, because an older program made it. Those that are there stay;
// a component of which one half is there gets no other one.
func CompleteKeys(dir string) error {
	for _, set := range newKeyFiles() {
		lacks := true
		for name := range set {
			lacks = lacks && !exists(dir, name)
		}
		if !lacks {
			continue
		}
		for name, value := range set {
			if err := writeFile(filepath.Join(dir, name), value); err != nil {
				return err
			}
		}
	}
	return nil
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// newKeyFiles are sets of files that belong together.
func newKeyFiles() []map[string][]byte {
	var sets []map[string][]byte
	for _, name := range []string{pageTokenFile, fileLinkFile} {
		key := make([]byte, keyBytes)
		_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
		sets = append(sets, map[string][]byte{name: key})
	}
	for name, keys := range GenerateKeys(component.All()...) {
		sets = append(sets, map[string][]byte{
			filePrefix + string(name) + privateSuffix: keys.private.Seed(),
			filePrefix + string(name) + publicSuffix:  keys.public[name][0],
		})
	}
	return sets
}

func writeFile(path string, value []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyFileMode) //nolint:gosec // the folder is chosen by whoever runs us
	if err != nil {
		return err
	}
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(value) + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

// LoadKeys reads what component self holds from a folder: its own private key, and of every component
// the public key and, where there is one, the previous public key.
func LoadKeys(dir string, self component.Name) (Keys, error) {
	seed, err := readFile(dir, filePrefix+string(self)+privateSuffix)
	if err != nil {
		return Keys{}, err
	}
	keys := Keys{
		self:    self,
		private: ed25519.NewKeyFromSeed(seed),
		public:  map[component.Name][]ed25519.PublicKey{},
	}
	for _, name := range component.All() {
		if keys.public[name], err = readPublic(dir, name); err != nil {
			return Keys{}, err
		}
	}
	return keys, nil
}

func readPublic(dir string, name component.Name) ([]ed25519.PublicKey, error) {
	current, err := readFile(dir, filePrefix+string(name)+publicSuffix)
	if err != nil {
		return nil, err
	}
	older, err := readFile(dir, previous+filePrefix+string(name)+publicSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return []ed25519.PublicKey{current}, nil
	}
	if err != nil {
		return nil, err
	}
	return []ed25519.PublicKey{current, older}, nil
}

// LoadPageKey reads the key of page tokens from a folder of keys.
func LoadPageKey(dir string) ([]byte, error) {
	return readFile(dir, pageTokenFile)
}

// LoadFileLinkKeys reads the key of the links of files, and behind it the previous one where there is one.
func LoadFileLinkKeys(dir string) ([][]byte, error) {
	current, err := readFile(dir, fileLinkFile)
	if err != nil {
		return nil, err
	}
	older, err := readFile(dir, previous+fileLinkFile)
	if errors.Is(err, fs.ErrNotExist) {
		return [][]byte{current}, nil
	}
	if err != nil {
		return nil, err
	}
	return [][]byte{current, older}, nil
}

func readFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Size() > maxKeyFileBytes {
		return nil, fmt.Errorf("read key: %s is no key: it has %d bytes", path, info.Size())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the folder is the operator's or the developer's choice
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	value, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || len(value) != keyBytes {
		return nil, fmt.Errorf("read key: %s does not hold %d bytes in base64", path, keyBytes)
	}
	return value, nil
}
