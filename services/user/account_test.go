// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
)

func TestF1_UsernamesFollowTheRules(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, username, want string
		err                  error
	}{
		{"three letters are enough", "ann", "ann", nil},
		{"32 characters are the most", "a" + strings.Repeat("b", 31), "a" + strings.Repeat("b", 31), nil},
		{"upper case is folded", "Ann.B_C-9", "ann.b_c-9", nil},
		{"two characters are too few", "an", "", fault.ErrInvalid},
		{"33 characters are too many", "a" + strings.Repeat("b", 32), "", fault.ErrInvalid},
		{"a digit cannot be first", "9ann", "", fault.ErrInvalid},
		{"a dot cannot be first", ".ann", "", fault.ErrInvalid},
		{"a space is not allowed", "ann b", "", fault.ErrInvalid},
		{"a trailing space is not allowed", "ann ", "", fault.ErrInvalid},
		{"other scripts are not allowed", "änn", "", fault.ErrInvalid},
		{"a Kelvin sign is no k", "\u212aann", "", fault.ErrInvalid},
		{"reserved names are taken", "admin", "", user.ErrUsernameTaken},
		{"reserved names are taken in any case", "SYSTEM", "", user.ErrUsernameTaken},
		{"the empty name is not valid", "", "", fault.ErrInvalid},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := user.CheckUsername(row.username)
			if got != row.want || !errors.Is(err, row.err) {
				t.Errorf("CheckUsername(%q) = %q, %v; want %q, %v", row.username, got, err, row.want, row.err)
			}
		})
	}
}

func TestF6_NicknamesFollowTheRules(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, nickname, want, rule string }{
		{"any script is fine", "王小明", "王小明", ""},
		{"spaces around go", "  Ann B \u3000", "Ann B", ""},
		{"it is composed", "Jose\u0301", "José", ""},
		{"32 code points are the most", strings.Repeat("界", 32), strings.Repeat("界", 32), ""},
		{"a joined emoji is visible", "👩\u200d🚀", "👩\u200d🚀", ""},
		{"a trailing line break is trimmed away", "Ann\n", "Ann", ""},
		{"33 code points are too many", strings.Repeat("界", 33), "", "length"},
		{"only spaces are nothing", " \u3000 ", "", "length"},
		{"a line break is refused", "a\nb", "", "characters"},
		{"a line separator is refused", "a\u2028b", "", "characters"},
		{"a control character is refused", "a\x00b", "", "characters"},
		{"a bidi override is refused", "a\u202eb", "", "characters"},
		{"a bidi isolate is refused", "a\u2066b", "", "characters"},
		{"invisible characters alone are refused", "\u200b\u200d", "", "visible"},
		{"a Hangul filler alone is refused", "\u3164", "", "visible"},
		{"a combining mark alone is refused", "\u0301", "", "visible"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := user.CheckNickname(usertest.Text{}, row.nickname)
			if got != row.want || ruleOf(err) != row.rule {
				t.Errorf("CheckNickname(%q) = %q, %v; want %q, rule %q", row.nickname, got, err, row.want, row.rule)
			}
		})
	}
}

func TestF6_DescriptionsFollowTheRules(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, description, want, rule string }{
		{"lines are fine", "one\ntwo", "one\ntwo", ""},
		{"empty removes it", "", "", ""},
		{"256 code points are the most", strings.Repeat("é", 256), strings.Repeat("é", 256), ""},
		{"257 code points are too many", strings.Repeat("é", 257), "", "length"},
		{"a bell is refused", "a\ab", "", "characters"},
		{"a bidi override is refused", "a\u202db", "", "characters"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := user.CheckDescription(usertest.Text{}, row.description)
			if got != row.want || ruleOf(err) != row.rule {
				t.Errorf("CheckDescription = %q, %v; want %q, rule %q", got, err, row.want, row.rule)
			}
		})
	}
}

// ruleOf is the broken rule that an error names; empty without an error.
func ruleOf(err error) string {
	f, ok := fault.Of(err)
	if !ok {
		return ""
	}
	return f.Metadata()["rule"]
}
