// SPDX-License-Identifier: Apache-2.0

package main

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shape is the JSON form of a field, by the proto3 JSON mapping.
type shape struct {
	List, Map bool
	Ref       string // a schema; else Kind and Format
	Kind      string // of JSON Schema
	Format    string
}

// Wide tells a 64-bit number, which JSON carries as a string.
func (s shape) Wide() bool { return s.Format == "int64" || s.Format == "uint64" }

func shapeOf(f *protogen.Field) shape {
	if v := mapValue(f); v != nil {
		made := plainShape(v)
		made.Map = true
		return made
	}
	made := plainShape(f)
	made.List = f.Desc.IsList()
	return made
}

// mapValue is the field of the values of a map, nil for another field.
func mapValue(f *protogen.Field) *protogen.Field {
	if !f.Desc.IsMap() {
		return nil
	}
	return f.Message.Fields[1]
}

func plainShape(f *protogen.Field) shape {
	switch {
	case f.Enum != nil:
		return shape{Ref: string(f.Enum.Desc.FullName())}
	case f.Message == nil:
		return scalarShape(f.Desc.Kind())
	}
	switch name := string(f.Message.Desc.FullName()); name {
	case "google.protobuf.Timestamp":
		return shape{Kind: "string", Format: "date-time"}
	case "google.protobuf.Duration", "google.protobuf.FieldMask":
		return shape{Kind: "string"}
	case "google.protobuf.Struct", "google.protobuf.Empty", "google.protobuf.Any":
		return shape{Kind: "object"}
	default:
		return shape{Ref: name}
	}
}

func scalarShape(kind protoreflect.Kind) shape {
	switch kind {
	case protoreflect.BoolKind:
		return shape{Kind: "boolean"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return shape{Kind: "integer", Format: "int32"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return shape{Kind: "integer", Format: "uint32"}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return shape{Kind: "string", Format: "int64"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return shape{Kind: "string", Format: "uint64"}
	case protoreflect.FloatKind:
		return shape{Kind: "number", Format: "float"}
	case protoreflect.DoubleKind:
		return shape{Kind: "number", Format: "double"}
	case protoreflect.BytesKind:
		return shape{Kind: "string", Format: "byte"}
	default:
		return shape{Kind: "string"}
	}
}
