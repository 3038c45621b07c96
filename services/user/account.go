// SPDX-License-Identifier: Apache-2.0

package user

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Limits of names in code points; they are part of the product, not settings.
const (
	minUsername        = 3
	maxUsername        = 32
	maxNickname        = 32
	maxDescription     = 256
	maxDeviceName      = 64
	maxNicknameKeySize = 192 // bytes; the width of the indexed column
)

// Account is one person without their password.
type Account struct {
	ID          ids.UserID
	Username    string     // folded, unique
	Nickname    string     // as shown; NFC, trimmed
	Description string     // may be empty
	Avatar      ids.FileID // zero: none
	CreatedAt   int64      // ms
	Deleted     bool       // then there is no username, and the nickname is deletedNickname
}

// deletedNickname stands where clients do not know deleted accounts.
const deletedNickname = "Deleted user"

// Credentials are an account with what proves its owner.
type Credentials struct {
	Account      Account
	PasswordHash string // empty: no password
	Rev          int64  // counts changes of what proves the owner
}

// reservedUsernames would let somebody pose as the service. An old name never leaves this list
// silently: a release note says so.
func reservedUsernames() []string {
	return []string{
		"abuse", "admin", "administrator", "all", "api", "bot", "channel", "everyone", "guest", "help",
		"here", "info", "mod", "moderator", "noreply", "no-reply", "official", "operator", "parley",
		"postmaster", "root", "security", "staff", "support", "sys", "system", "team", "webmaster",
	}
}

// FoldUsername lowers ASCII letters; it checks nothing.
func FoldUsername(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, name)
}

// CheckUsername folds a login name and applies its rules. A reserved name is ErrUsernameTaken, any
// other broken rule fault.ErrInvalid.
func CheckUsername(name string) (string, error) {
	folded := FoldUsername(name)
	if len(folded) < minUsername || len(folded) > maxUsername {
		return "", fault.InvalidField("username", "length")
	}
	for i, r := range folded {
		if r >= 'a' && r <= 'z' || i > 0 && (r >= '0' && r <= '9' || strings.ContainsRune("_.-", r)) {
			continue
		}
		return "", fault.InvalidField("username", "characters")
	}
	if slices.Contains(reservedUsernames(), folded) {
		return "", ErrUsernameTaken
	}
	return folded, nil
}

// CheckNickname composes and trims a display name and applies its rules.
func CheckNickname(text Text, name string) (string, error) {
	clean := strings.TrimSpace(text.Compose(name))
	if n := utf8.RuneCountInString(clean); n == 0 || n > maxNickname {
		return "", fault.InvalidField("nickname", "length")
	}
	if strings.ContainsFunc(clean, isUnfit) {
		return "", fault.InvalidField("nickname", "characters")
	}
	if !strings.ContainsFunc(clean, isVisible) {
		return "", fault.InvalidField("nickname", "visible")
	}
	return clean, nil
}

// CheckDescription composes and trims what a person says about themselves; line breaks are allowed.
func CheckDescription(text Text, description string) (string, error) {
	clean := strings.TrimSpace(text.Compose(description))
	if utf8.RuneCountInString(clean) > maxDescription {
		return "", fault.InvalidField("description", "length")
	}
	if strings.ContainsFunc(clean, func(r rune) bool { return r != '\n' && isUnfit(r) }) {
		return "", fault.InvalidField("description", "characters")
	}
	return clean, nil
}

// cleanDeviceName keeps what can be shown of the name that a client gives its device. It never fails:
// the name is decoration, and a login must not break on it.
func cleanDeviceName(text Text, name string) string {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		if isUnfit(r) {
			return -1
		}
		return r
	}, text.Compose(name)))
	if runes := []rune(clean); len(runes) > maxDeviceName {
		return string(runes[:maxDeviceName])
	}
	return clean
}

// isUnfit tells characters that break or forge what stands around a name: controls, line and paragraph
// separators, and the explicit bidirectional controls of UAX 9.
func isUnfit(r rune) bool {
	switch {
	case unicode.IsControl(r), r == utf8.RuneError, r == '\u2028', r == '\u2029':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	default:
		return false
	}
}

// isVisible tells characters that leave a mark of their own. The Hangul fillers and the empty Braille
// cell count as letters and symbols in Unicode, and show nothing.
func isVisible(r rune) bool {
	if strings.ContainsRune("\u115f\u1160\u2800\u3164\uffa0", r) {
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r)
}

// nicknameKey is the folded nickname under which people are found, cut to the width of the index.
func nicknameKey(text Text, nickname string) []byte {
	return cutKey(text.Fold(nickname))
}

// cutKey cuts at a character's end.
func cutKey(folded string) []byte {
	for len(folded) > maxNicknameKeySize {
		_, size := utf8.DecodeLastRuneInString(folded)
		folded = folded[:len(folded)-size]
	}
	return []byte(folded)
}
