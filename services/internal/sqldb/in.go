// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"reflect"
	"strings"
)

// In expands each slice among args to as many placeholders as it has elements, so that "id IN (?)" takes
// a list. An empty slice becomes NULL, which matches nothing. []byte and arrays are single values. The
// query must hold no question mark in a literal.
func In(query string, args ...any) (string, []any) {
	var b strings.Builder
	flat := make([]any, 0, len(args))
	for _, arg := range args {
		before, after, found := strings.Cut(query, "?")
		if !found {
			flat = append(flat, arg)
			continue
		}
		b.WriteString(before)
		query = after
		v := reflect.ValueOf(arg)
		if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
			b.WriteByte('?')
			flat = append(flat, arg)
			continue
		}
		b.WriteString(placeholders(v.Len()))
		for i := range v.Len() {
			flat = append(flat, v.Index(i).Interface())
		}
	}
	b.WriteString(query)
	return b.String(), flat
}

func placeholders(n int) string {
	if n == 0 {
		return "NULL"
	}
	return "?" + strings.Repeat(", ?", n-1)
}
