// SPDX-License-Identifier: Apache-2.0

package numberplan_test

import (
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user/numberplan"
)

func TestNumbersAreReadByTheRulesOfTheirCountry(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, country, rule string }{
		{"a mobile number of China", "+8613800000000", "CN", ""},
		{"one of Hong Kong", "+85251234567", "HK", ""},
		{"one of Singapore", "+6581234567", "SG", ""},
		{"one of the United Kingdom", "+447400123456", "GB", ""},
		{"one of the United States", "+12015550123", "US", ""},
		{"without a plus", "8613800000000", "", "number"},
		{"with spaces", "+86 138 0000 0000", "", "number"},
		{"with a zero in front of the area", "+4407400123456", "", "number"},
		{"too short", "+861380000", "", "number"},
		{"too long", "+861380000000012", "", "number"},
		{"no country has it", "+999123456789", "", "number"},
		{"an extension", "+12015550123;ext=5", "", "number"},
		{"digits of another script", "+８６13800000000", "", "number"},
		{"letters", "+1800FLOWERS", "", "number"},
		{"empty", "", "", "number"},
		{"toll-free", "+18005550123", "", "kind"},
		{"premium rate", "+19005550123", "", "kind"},
		{"VoIP", "+445612345678", "", "kind"},
		{"a network without a country", "+870773111632", "", "kind"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := numberplan.Numbers{}.Parse(row.text)
			if row.rule == "" {
				if err != nil || got.Country != row.country || got.Phone.Reveal() != row.text {
					t.Errorf("%s %s, %v; want %s", got.Country, got.Phone.Reveal(), err, row.country)
				}
				return
			}
			if f, ok := fault.Of(err); !ok || f.Metadata()["rule"] != row.rule {
				t.Errorf("%v, want the rule %q", err, row.rule)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"+8613800000000", "+1", "+", "tel:+1-201-555-0123;phone-context=x", "+44\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := numberplan.Numbers{}.Parse(text)
		if err == nil && (got.Phone.Reveal() != text || len(text) > 16 || len(got.Country) != 2) {
			t.Errorf("%q is read as %q of %q", text, got.Phone.Reveal(), got.Country)
		}
	})
}
