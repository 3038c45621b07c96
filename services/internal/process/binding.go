// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/api/component"
)

// maxEntry bounds an entry of a binding: a Secret as a whole holds at most this.
const maxEntry = 1 << 20

// errEntry tells what an entry must not hold.
var errEntry = errors.New("must be UTF-8 without NUL and carriage return")

// ParseEntry cuts the one newline that editors put at the end of a file, and refuses what no setting
// holds. The error never holds the text.
func ParseEntry(text []byte) (string, error) {
	value := strings.TrimSuffix(string(text), "\n")
	if len(value) > maxEntry || !utf8.ValidString(value) || strings.ContainsAny(value, "\x00\r") {
		return "", errEntry
	}
	return value, nil
}

// binding is what is known of one dependency: its folder and the variables that win over it.
type binding struct {
	dependency component.Dependency
	folder     string
	entries    map[string]string
}

// readBinding reads the entries that a component may have of a dependency. Without the folder, or without
// a root at all, there are none.
func readBinding(root string, d component.Dependency, name component.Name) (binding, error) {
	b := binding{dependency: d, entries: map[string]string{}}
	if root == "" {
		return b, nil
	}
	b.folder = filepath.Join(root, string(d))
	for _, entry := range component.Entries(d, name) {
		text, err := os.ReadFile(filepath.Join(b.folder, entry)) //nolint:gosec // the names of entries are fixed
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			b.entries[entry], err = ParseEntry(text)
		}
		if err != nil {
			return b, fmt.Errorf("%s: entry %s/%s: %w", component.EnvBindingRoot, d, entry, err)
		}
	}
	return b, b.checkType()
}

// checkType refuses the binding of something else; one that does not say is taken.
func (b binding) checkType() error {
	known := map[component.Dependency][]string{
		component.MySQL:    {"", "mysql", "mariadb"},
		component.RabbitMQ: {"", "rabbitmq"},
		component.SMS:      {"", "sms"},

		component.Elasticsearch: {"", "elasticsearch"}, component.ObjectStore: {"", "s3"}, component.SpeechProvider: {"", "speech"},
	}[b.dependency]
	if !slices.Contains(known, b.entries[component.EntryType]) {
		return fmt.Errorf("%s: entry %s/%s must be %s", component.EnvBindingRoot, b.dependency, component.EntryType,
			strings.Join(known[1:], " or "))
	}
	return nil
}

// user is the name and password of a component: its own ones, where it has them, before the common ones.
func (b binding) user(name component.Name) (username, password string) {
	prefix := component.UserPrefix(name)
	if own := b.entries[prefix+component.EntryUsername]; own != "" {
		return own, b.entries[prefix+component.EntryPassword]
	}
	return b.entries[component.EntryUsername], b.entries[component.EntryPassword]
}

// file is the path of an entry, empty if the binding lacks it.
func (b binding) file(entry string) string {
	if b.entries[entry] == "" {
		return ""
	}
	return filepath.Join(b.folder, entry)
}
