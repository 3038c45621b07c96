// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// keyword is one word of JSON Schema with its value.
type keyword struct {
	Name  string
	Value any // int64, float64, bool or string
}

func choiceRequired(o *protogen.Oneof) bool {
	rules, _ := proto.GetExtension(o.Desc.Options(), validate.E_Oneof).(*validate.OneofRules)
	return rules.GetRequired()
}

// limit reads the validation rules of a field.
func (f *field) limit(desc protoreflect.FieldDescriptor) {
	rules, _ := proto.GetExtension(desc.Options(), validate.E_Field).(*validate.FieldRules)
	if rules == nil {
		return
	}
	f.Required = rules.GetRequired()
	for _, rule := range rules.GetCel() {
		f.Notes = append(f.Notes, sentence(rule.GetMessage()))
	}
	limits := f.read(rules, desc.Kind() == protoreflect.StringKind)
	f.Limits = limits.words
	// A field without presence is checked as it is, so that its zero value must pass too.
	if limits.refusesZero && !desc.HasPresence() && rules.GetIgnore() == validate.Ignore_IGNORE_UNSPECIFIED {
		f.Required = true
	}
}

// limits of one value.
type limits struct {
	words       []keyword
	refusesZero bool
}

// read translates the rules of the one kind that is set.
func (f *field) read(rules *validate.FieldRules, text bool) limits {
	var l limits
	message := rules.ProtoReflect()
	kind := message.WhichOneof(message.Descriptor().Oneofs().ByName("type"))
	if kind == nil {
		return l
	}
	if items := rules.GetRepeated().GetItems(); items != nil {
		f.Items = f.read(items, text).words
	}
	for _, rule := range set(message.Get(kind).Message()) {
		f.translate(&l, rule, text)
	}
	return l
}

// rule is one rule that is set.
type rule struct {
	number protoreflect.FieldNumber
	name   string
	value  any
}

// set lists what is set in the rules of one kind, in the order of their numbers.
func set(message protoreflect.Message) []rule {
	var all []rule
	message.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Name() == "items" || fd.Name() == "keys" || fd.Name() == "values" || fd.Name() == "example" {
			return true
		}
		value := v.Interface()
		if fd.IsList() {
			var list []any
			for i := range v.List().Len() {
				list = append(list, v.List().Get(i).Interface())
			}
			value = list
		}
		all = append(all, rule{fd.Number(), string(fd.Name()), value})
		return true
	})
	slices.SortFunc(all, func(a, b rule) int { return cmp.Compare(a.number, b.number) })
	return all
}

// words gives rules the word of JSON Schema that means the same.
func words() map[string]string {
	return map[string]string{
		"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "min_items": "minItems", "max_items": "maxItems",
		"unique": "uniqueItems", "gte": "minimum", "gt": "exclusiveMinimum", "lte": "maximum", "lt": "exclusiveMaximum",
		"min_pairs": "minProperties", "max_pairs": "maxProperties", "const": "const",
	}
}

// formats gives rules on the form of text their format.
func formats() map[string]string {
	return map[string]string{
		"uuid": "uuid", "email": "email", "uri": "uri", "uri_ref": "uri-reference", "hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6",
	}
}

// translate adds one rule; what JSON Schema cannot say becomes a note.
func (f *field) translate(l *limits, r rule, text bool) {
	l.refusesZero = l.refusesZero || refusesZero(r)
	word, known := words()[r.name]
	format, formed := formats()[r.name]
	switch {
	case r.name == "defined_only": // an enum lists its values anyway
	case r.name == "not_in" && fmt.Sprint(r.value) == "[0]": // required says it
	case formed && r.value == true:
		l.words = append(l.words, keyword{"format", format})
	case r.name == "max_bytes" && text:
		f.Notes = append(f.Notes, fmt.Sprintf("At most %v bytes in UTF-8.", r.value))
	case !text && r.name == "min_len":
		l.words = append(l.words, base64Lengths(r)...)
	case !text && byteLengths()[r.name] != "":
		f.Notes = append(f.Notes, fmt.Sprintf(byteLengths()[r.name], r.value))
		l.words = append(l.words, base64Lengths(r)...)
	case bounds()[r.name] != "" && f.Type.Wide() && !f.Type.List:
		f.Notes = append(f.Notes, fmt.Sprintf(bounds()[r.name], r.value))
	case known:
		l.words = append(l.words, keyword{word, number(r.value)})
	default:
		f.Notes = append(f.Notes, fmt.Sprintf("Rule: %s = %v.", r.name, r.value))
	}
}

// byteLengths says limits of bytes, which JSON carries as base64: its length is another one.
func byteLengths() map[string]string {
	return map[string]string{"len": "Exactly %v bytes.", "max_len": "At most %v bytes."}
}

// base64Lengths are limits of the text that carries bytes, with padding or without.
func base64Lengths(r rule) []keyword {
	n, _ := number(r.value).(int64)
	least, most := keyword{"minLength", (4*n + 2) / 3}, keyword{"maxLength", (n + 2) / 3 * 4}
	switch r.name {
	case "min_len":
		return []keyword{least}
	case "max_len":
		return []keyword{most}
	default:
		return []keyword{least, most}
	}
}

// refusesZero tells rules that an empty text, an empty list or 0 breaks.
func refusesZero(r rule) bool {
	switch value := number(r.value).(type) {
	case int64:
		floor := map[string]int64{"min_len": 0, "len": 0, "min_bytes": 0, "min_items": 0, "min_pairs": 0, "gte": 0, "gt": -1}
		least, ok := floor[r.name]
		return ok && value > least
	case string:
		if r.name != "pattern" {
			return false
		}
		pattern, err := regexp.Compile(value)
		return err == nil && !pattern.MatchString("")
	case bool:
		_, formed := formats()[r.name]
		return value && formed
	case []any:
		return r.name == "not_in" && slices.ContainsFunc(value, func(v any) bool { return fmt.Sprint(v) == "0" })
	}
	return false
}

// bounds says limits of a number that JSON carries as text, for which JSON Schema has no word.
func bounds() map[string]string {
	return map[string]string{"gte": "At least %v.", "gt": "More than %v.", "lte": "At most %v.", "lt": "Less than %v.", "const": "Always %v."}
}

func number(value any) any {
	switch n := value.(type) {
	case int32:
		return int64(n)
	case uint32:
		return int64(n)
	case uint64:
		return int64(n) //nolint:gosec // limits are small
	case float32:
		return float64(n)
	default:
		return value
	}
}

func sentence(text string) string {
	if text == "" {
		return "Another rule holds."
	}
	return text + "."
}
