// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// checkTree compares a decoded document with the Go type that it is meant for. encoding/json would take
// a field in another case, and its errors do not say where a quantity is wrong; every error here starts
// with the path of the field. null is the same as absent.
func checkTree(path string, want reflect.Type, value any) error {
	for want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	if value == nil {
		return nil
	}
	if reflect.PointerTo(want).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return checkText(path, want, value)
	}
	switch want.Kind() {
	case reflect.Struct:
		return checkStruct(path, want, value)
	case reflect.Map:
		return checkMap(path, want, value)
	case reflect.Slice:
		return checkList(path, want, value)
	default:
		return checkScalar(path, want, value)
	}
}

// checkText asks the type itself.
func checkText(path string, want reflect.Type, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if json.Unmarshal(text, reflect.New(want).Interface()) == nil {
		return nil
	}
	switch want {
	case reflect.TypeFor[metav1.Time]():
		return errors.New(path + ": write a time like 2026-01-31T12:00:00Z")
	default:
		return errors.New(path + ": write an amount like 500m, 1, 256Mi or 1Gi")
	}
}

func checkStruct(path string, want reflect.Type, value any) error {
	tree, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: it holds %s, it must hold fields", path, describe(value))
	}
	fields := fieldsOf(want)
	for _, name := range sortedKeys(tree) {
		field, known := fields[name]
		if !known {
			return fmt.Errorf("%s: there is no such field%s", join(path, name), suggestion(name, fields))
		}
		if err := checkTree(join(path, name), field, tree[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkMap(path string, want reflect.Type, value any) error {
	tree, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: it holds %s, it must hold names with values", path, describe(value))
	}
	for _, name := range sortedKeys(tree) {
		if tree[name] == nil {
			return fmt.Errorf("%s: it is empty, give it a value or remove it", join(path, name))
		}
		if err := checkTree(join(path, name), want.Elem(), tree[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkList(path string, want reflect.Type, value any) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%s: it holds %s, it must hold a list", path, describe(value))
	}
	for i, element := range list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if element == nil {
			return fmt.Errorf("%s: it is empty, give it a value or remove it", at)
		}
		if err := checkTree(at, want.Elem(), element); err != nil {
			return err
		}
	}
	return nil
}

func checkScalar(path string, want reflect.Type, value any) error {
	switch want.Kind() {
	case reflect.String:
		if _, ok := value.(string); !ok {
			return fmt.Errorf("%s: it holds %s, it must hold text: put it in quotes", path, describe(value))
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%s: it holds %s, it must be true or false", path, describe(value))
		}
	default:
		number, ok := value.(json.Number)
		if !ok {
			return fmt.Errorf("%s: it holds %s, it must be a whole number", path, describe(value))
		}
		if _, err := strconv.ParseInt(number.String(), 10, want.Bits()); err != nil {
			return fmt.Errorf("%s: it must be a whole number that is not that large", path)
		}
	}
	return nil
}

// fieldsOf lists the fields of a struct by their names in manifests, those of inlined structs too.
func fieldsOf(want reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for field := range want.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" && field.Anonymous:
			maps.Copy(fields, fieldsOf(field.Type))
		case name != "" && name != "-":
			fields[name] = field.Type
		}
	}
	return fields
}

// suggestion names a field that differs in case or in a letter or two.
func suggestion(name string, fields map[string]reflect.Type) string {
	best, bestDistance := "", 3
	for _, candidate := range sortedKeys(fields) {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is the number of letters to insert, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			corner, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, corner+cost)
		}
	}
	return row[len(b)]
}

func describe(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "fields"
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys[V any](tree map[string]V) []string {
	keys := make([]string, 0, len(tree))
	for key := range tree {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
