// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/services/internal/fault"
)

// maxNesting of messages and JSON values; our deepest message nests six times.
const maxNesting = 32

// failureField is the number of an unknown field that carries a decode failure from a codec to the
// interceptor: connect-go decodes before it calls an interceptor, and would answer the library's text
// to callers that are not authenticated yet. A request cannot bring the field: both codecs drop or
// refuse unknown fields.
const failureField protowire.Number = protowire.MaxValidNumber

var errNotMessage = errors.New("not a protobuf message")

// unknownField finds the name in protojson's error, which has no other form.
var unknownField = regexp.MustCompile(`unknown field "([A-Za-z0-9_.\-\[\]/]{1,64})"`)

type binaryCodec struct{}

// Name of the codec in content types.
func (binaryCodec) Name() string { return "proto" }

// Marshal writes the wire form.
func (binaryCodec) Marshal(value any) ([]byte, error) {
	return binaryCodec{}.MarshalAppend(nil, value)
}

// MarshalAppend writes the wire form behind buffer.
func (binaryCodec) MarshalAppend(buffer []byte, value any) ([]byte, error) {
	message, ok := value.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return proto.MarshalOptions{}.MarshalAppend(buffer, message)
}

// Unmarshal reads the wire form. Unknown fields are dropped: they never reach a handler.
func (binaryCodec) Unmarshal(data []byte, value any) error {
	message, ok := value.(proto.Message)
	if !ok {
		return errNotMessage
	}
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxNesting}
	if options.Unmarshal(data, message) != nil {
		markFailure(message, "", "malformed")
	}
	return nil
}

type jsonCodec struct{ name string }

// Name of the codec in content types.
func (c jsonCodec) Name() string { return c.name }

// Marshal writes JSON.
func (c jsonCodec) Marshal(value any) ([]byte, error) { return c.MarshalAppend(nil, value) }

// MarshalAppend writes JSON behind buffer.
func (jsonCodec) MarshalAppend(buffer []byte, value any) ([]byte, error) {
	message, ok := value.(proto.Message)
	if !ok {
		return nil, errNotMessage
	}
	return protojson.MarshalOptions{}.MarshalAppend(buffer, message)
}

// Unmarshal reads JSON strictly: an unknown or repeated field is a failure, so that a misspelt name is
// not silently ignored.
func (jsonCodec) Unmarshal(data []byte, value any) error {
	message, ok := value.(proto.Message)
	if !ok {
		return errNotMessage
	}
	err := protojson.UnmarshalOptions{RecursionLimit: maxNesting}.Unmarshal(data, message)
	if err == nil {
		return nil
	}
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		markFailure(message, found[1], "unknown_field")
		return nil
	}
	markFailure(message, "", "malformed")
	return nil
}

func markFailure(message proto.Message, field, rule string) {
	proto.Reset(message)
	mark := protowire.AppendTag(nil, failureField, protowire.BytesType)
	message.ProtoReflect().SetUnknown(protowire.AppendString(mark, field+"\x00"+rule))
}

// decodeFailure is what a codec has marked.
func decodeFailure(message proto.Message) error {
	mark := message.ProtoReflect().GetUnknown()
	if len(mark) == 0 {
		return nil
	}
	number, _, tagBytes := protowire.ConsumeTag(mark)
	text, textBytes := protowire.ConsumeString(mark[max(tagBytes, 0):])
	if number != failureField || textBytes < 0 {
		return fmt.Errorf("unknown field %d in a decoded request", number)
	}
	field, rule, _ := strings.Cut(text, "\x00")
	if field == "" {
		return fault.ErrInvalid.With("rule", rule)
	}
	return fault.InvalidField(field, rule)
}
