// SPDX-License-Identifier: Apache-2.0

// Package mutate derives bad requests from a good one and its descriptor.
//
// Every field rule of a request gives the values that are one beyond it, so that a new field is
// covered by being declared.
package mutate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Case is one bad request.
type Case struct {
	// Name says what is wrong, as a sentence.
	Name string
	// Body is JSON, or nearly.
	Body []byte
}

// longest is the longest list or text that a case builds; rules above it are covered by the size limit.
const longest = 40_000

// Cases lists the bad variants of a good request.
func Cases(good proto.Message) []Case {
	text, err := protojson.Marshal(good)
	if err != nil {
		panic(err)
	}
	cases := whole(text)
	for _, change := range fields(good.ProtoReflect().Descriptor(), nil) {
		var body map[string]any
		if err := json.Unmarshal(text, &body); err != nil {
			panic(err)
		}
		change.apply(body)
		changed, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		cases = append(cases, Case{Name: change.name, Body: changed})
	}
	return cases
}

// whole are the cases that concern the body as such.
func whole(text []byte) []Case {
	inner := strings.TrimSuffix(strings.TrimSpace(string(text)), "}")
	separator := ","
	if strings.TrimSpace(inner) == "{" {
		separator = ""
	}
	return []Case{
		{"an unknown field", []byte(inner + separator + `"nobodyKnowsThis":1}`)},
		{"a field that names the caller", []byte(inner + separator + `"callerUserId":"0198c9a2-1111-7abc-8def-0123456789ab"}`)},
		{"JSON that is cut", []byte(inner)},
		{"a list in place of an object", []byte(`[]`)},
		{"text in place of an object", []byte(`"hello"`)},
		{"invalid UTF-8", []byte(inner + separator + "\"nobodyKnowsThis\":\"\xff\xfe\"}")},
		{"a body beyond the limit", []byte(inner + separator + `"nobodyKnowsThis":"` + strings.Repeat("a", 1<<20) + `"}`)},
		{"ten thousand nested lists", []byte(strings.Repeat("[", 10_000))},
	}
}

// change is one edit of a decoded body.
type change struct {
	name  string
	path  []string
	value any
	drop  bool
}

func (c change) apply(body map[string]any) {
	for _, step := range c.path[:len(c.path)-1] {
		next, ok := body[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			body[step] = next
		}
		body = next
	}
	last := c.path[len(c.path)-1]
	if c.drop {
		delete(body, last)
		return
	}
	if n, again := c.value.(times); again {
		items, _ := body[last].([]any)
		for len(items) > 0 && len(items) < int(n) {
			items = append(items, items[0])
		}
		body[last] = items
		return
	}
	body[last] = c.value
}

// times repeats the first item of a list of the good request.
type times int

// fields walks a message; oneof members and nested messages too.
func fields(message protoreflect.MessageDescriptor, path []string) []change {
	var all []change
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		at := append(slices.Clone(path), field.JSONName())
		add := func(what string, value any) {
			all = append(all, change{name: strings.Join(at, ".") + " " + what, path: at, value: value})
		}
		rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
		if rules.GetRequired() {
			all = append(all, change{name: strings.Join(at, ".") + " is missing", path: at, drop: true})
		}
		for what, value := range beyond(field, rules) {
			add(what, value)
		}
		if field.Kind() == protoreflect.MessageKind && !field.IsList() && !field.IsMap() && len(at) < 4 {
			all = append(all, fields(field.Message(), at)...)
		}
	}
	slices.SortFunc(all, func(a, b change) int { return strings.Compare(a.name, b.name) })
	return all
}

// beyond gives the values just outside the rules of a field.
func beyond(field protoreflect.FieldDescriptor, rules *validate.FieldRules) map[string]any {
	switch {
	case field.IsList():
		return lists(field, rules.GetRepeated())
	case field.Kind() == protoreflect.StringKind:
		out := texts(rules.GetString())
		if rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE {
			delete(out, "that is empty")
		}
		return out
	case field.Kind() == protoreflect.EnumKind:
		return enums(field, rules.GetEnum())
	case field.Kind() == protoreflect.Int32Kind:
		return numbers(int32Bounds(rules.GetInt32()), "2147483648")
	case field.Kind() == protoreflect.Int64Kind:
		return numbers(int64Bounds(rules.GetInt64()), "9223372036854775808")
	case field.Kind() == protoreflect.BytesKind:
		return raw(rules.GetBytes())
	case field.Kind() == protoreflect.BoolKind:
		return map[string]any{"of the wrong type": "yes"}
	case field.Kind() == protoreflect.MessageKind:
		return map[string]any{"of the wrong type": "text"}
	default:
		panic("nobody bends a field of kind " + field.Kind().String() + " yet: " + string(field.FullName()))
	}
}

// raw gives bytes of another length than the rules want, and text that is no base64.
func raw(rules *validate.BytesRules) map[string]any {
	out := map[string]any{"of the wrong type": []int{1}, "that is no base64": "%%%"}
	if rules.HasLen() {
		out["that is too short"] = make([]byte, rules.GetLen()-1)
		out["that is too long"] = make([]byte, rules.GetLen()+1)
	}
	if least := rules.GetMinLen(); least > 0 {
		out["that is too short"] = make([]byte, least-1)
	}
	if limit := rules.GetMaxLen(); rules.HasMaxLen() && limit < longest {
		out["that is too long"] = make([]byte, limit+1)
	}
	return out
}

func enums(field protoreflect.FieldDescriptor, rules *validate.EnumRules) map[string]any {
	out := map[string]any{"of an unknown name": "NOBODY_KNOWS", "of the wrong type": []int{1}}
	if rules.GetDefinedOnly() {
		out["of an unknown number"] = 1000
	}
	for _, number := range rules.GetNotIn() {
		out["that is ruled out"] = string(field.Enum().Values().ByNumber(protoreflect.EnumNumber(number)).Name())
	}
	return out
}

func texts(rules *validate.StringRules) map[string]any {
	out := map[string]any{"of the wrong type": map[string]any{"x": 1}}
	if limit := rules.GetMaxLen(); rules.HasMaxLen() && limit < longest {
		out["one beyond its length"] = strings.Repeat("a", int(limit)+1)
		out["one beyond its length in Chinese"] = strings.Repeat("好", int(limit)+1)
	}
	if limit := rules.GetMaxBytes(); rules.HasMaxBytes() && limit < longest && (!rules.HasMaxLen() || limit < 4*rules.GetMaxLen()) {
		out["beyond its bytes"] = strings.Repeat("😀", int(limit/4)+1)
	}
	if least := rules.GetMinLen(); least > 0 {
		out["one short of its length"] = strings.Repeat("a", int(least)-1)
	}
	if rules.GetUuid() {
		out["that is no id"] = "not-an-id"
		out["that is an id in upper case"] = "0198C9A2-1111-7ABC-8DEF-0123456789AB"
		out["that is the zero id"] = "00000000-0000-0000-0000-000000000000"
		out["that is empty"] = ""
	}
	if rules.GetPattern() != "" {
		out["outside its pattern"] = "1 ' OR 1=1 --"
	}
	return out
}

func lists(field protoreflect.FieldDescriptor, rules *validate.RepeatedRules) map[string]any {
	out := map[string]any{"of the wrong type": "text"}
	if least := rules.GetMinItems(); least > 0 {
		out["that is too short"] = []any{}
	}
	if limit := rules.GetMaxItems(); limit > 0 && limit < longest && field.Kind() == protoreflect.StringKind {
		many := make([]any, limit+1)
		for i := range many {
			many[i] = fmt.Sprintf("0198c9a2-1111-7abc-8def-%012x", i)
		}
		out["with one item too many"] = many
	}
	if limit := rules.GetMaxItems(); limit > 0 && limit < longest && field.Kind() == protoreflect.MessageKind {
		out["with one item too many"] = times(limit + 1)
	}
	if item := rules.GetItems().GetString(); item.GetUuid() {
		out["with an item that is no id"] = []any{"not-an-id"}
	}
	return out
}

type bounds struct {
	low, high       int64
	hasLow, hasHigh bool
}

func int32Bounds(rules *validate.Int32Rules) bounds {
	return bounds{int64(rules.GetGte()), int64(rules.GetLte()), rules.HasGte(), rules.HasLte()}
}

func int64Bounds(rules *validate.Int64Rules) bounds {
	return bounds{rules.GetGte(), rules.GetLte(), rules.HasGte(), rules.HasLte()}
}

func numbers(b bounds, overflow string) map[string]any {
	out := map[string]any{"of the wrong type": "many", "with a fraction": 1.5, "beyond its type": json.Number(overflow)}
	if b.hasLow {
		out["one below its limit"] = fmt.Sprint(b.low - 1)
	}
	if b.hasHigh {
		out["one beyond its limit"] = fmt.Sprint(b.high + 1)
	}
	return maps.Clone(out)
}
