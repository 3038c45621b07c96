// SPDX-License-Identifier: Apache-2.0

package filename

import (
	"fmt"
	"strings"
)

// Kind says what a browser does with a file.
type Kind string

// The kinds.
const (
	Inline     Kind = "inline"     // shown where it is
	Attachment Kind = "attachment" // saved
)

// Disposition is the value of Content-Disposition for a name, which is cleaned first: in ASCII for who knows
// no better, and in full (RFC 6266, RFC 8187). It is ASCII itself, without line breaks.
func Disposition(kind Kind, name string) string {
	name = Clean(name)
	var plain, full strings.Builder
	for _, r := range name {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%;`, r) { // what older browsers take apart in a quoted name
			r = '_'
		}
		plain.WriteRune(r)
	}
	for i := range len(name) {
		if c := name[i]; isPlain(c) {
			full.WriteByte(c)
		} else {
			fmt.Fprintf(&full, "%%%02X", c)
		}
	}
	if plain.String() == name {
		return fmt.Sprintf(`%s; filename="%s"`, kind, name)
	}
	return fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, kind, plain.String(), full.String())
}

// isPlain tells the bytes that stand for themselves (attr-char of RFC 8187, section 3.2.1).
func isPlain(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
