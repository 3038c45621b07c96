// SPDX-License-Identifier: Apache-2.0

package user_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/user"
)

func TestF1_PasswordsFollowThePolicy(t *testing.T) {
	t.Parallel()
	policy := user.NewPasswords()
	rows := []struct{ name, password, rule string }{
		{"eight characters are enough", "mgwztkqp", ""},
		{"any characters are fine, in any script", "密码很长但是好记住吧", ""},
		{"spaces are kept and fine", "  two  spaces  ", ""},
		{"no composition is asked for", "correcthorsebatterystaple", ""},
		{"128 code points are the most", strings.Repeat("xq界", 42) + "ab", ""},
		{"seven characters are too few", "mgwztkq", "length"},
		{"129 code points are too many", strings.Repeat("界x", 64) + "a", "length"},
		{"1,024 bytes are the most", strings.Repeat("界", 1025), "length"},
		{"the empty password is too short", "", "length"},
		{"the most common word is refused", "password", "too_common"},
		{"case does not help", "PassWord", "too_common"},
		{"look-alikes do not help", "p@ssw0rd", "too_common"},
		{"a digit behind does not help", "Password1", "too_common"},
		{"a year behind does not help", "Summer2026", "too_common"},
		{"a keyboard walk is refused", "qwertyuiop", "too_common"},
		{"digits in a row are refused", "12345678", "too_common"},
		{"the product's name is refused", "parley123", "too_common"},
		{"a word twice is refused", "dragondragon", "too_common"},
		{"one character many times is refused", "zzzzzzzzzzzz", "too_common"},
		{"two characters in turn are refused", "xyxyxyxyxy", "too_common"},
		{"the own username is refused", "Annabelle-Q", "too_common"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := ruleOf(policy.Check(row.password, "annabelle-q")); got != row.rule {
				t.Errorf("Check(%q) breaks rule %q, want %q", row.password, got, row.rule)
			}
		})
	}
}

func TestF1_TheListOfCommonPasswordsIsLongEnough(t *testing.T) {
	t.Parallel()
	if n := user.NewPasswords().Len(); n < 3000 {
		t.Errorf("%d common passwords of at least eight characters, want 3,000 or more", n)
	}
}
