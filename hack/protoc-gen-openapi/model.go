// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
)

// model is what both files say.
type model struct {
	Services []service
	Schemas  []schema
	Reasons  []reason
}

type service struct {
	Name        string // "parley.user.v1.AuthService"
	Description string
	Operations  []operation
}

type operation struct {
	Service, Name string
	Description   string
	Access        []string // "PUBLIC", "USER", "ADMIN"
	Request       string   // name of a schema
	Response      string
	Reasons       []reason // that its comment names, or that every such method may answer
}

// Path is where the operation is called.
func (o operation) Path() string { return "/" + o.Service + "/" + o.Name }

// Public tells that no token is needed.
func (o operation) Public() bool { return slices.Contains(o.Access, "PUBLIC") }

// schema is a message or an enum.
type schema struct {
	Name        string // "parley.user.v1.Device"
	Description string
	Fields      []field // of a message
	Choices     []choice
	Values      []value // of an enum
}

type field struct {
	Name        string // in JSON
	Description string
	Type        shape
	Limits      []keyword
	Items       []keyword // limits of each item of a list
	Notes       []string  // limits that JSON Schema has no word for
	Required    bool
	Secret      bool
}

// choice is a oneof.
type choice struct {
	Fields   []string
	Required bool
}

type value struct{ Name, Description string }

// frames are the messages of the WebSocket, which no method names.
func frames() []string {
	return []string{"parley.gateway.v1.ClientFrame", "parley.gateway.v1.ServerFrame"}
}

// builder collects the schemas that operations reach.
type builder struct {
	schemas map[string]schema
	reasons []reason
}

func newModel(plugin *protogen.Plugin, reasons []reason) (*model, error) {
	b := &builder{schemas: map[string]schema{}, reasons: reasons}
	api := &model{Reasons: merged(reasons)}
	for _, file := range plugin.Files {
		if !strings.HasPrefix(string(file.Desc.Package()), "parley.") {
			continue
		}
		for _, s := range file.Services {
			made, err := b.service(s)
			if err != nil {
				return nil, err
			}
			if len(made.Operations) > 0 {
				api.Services = append(api.Services, made)
			}
		}
		for _, message := range file.Messages {
			if slices.Contains(frames(), string(message.Desc.FullName())) {
				b.message(message)
			}
		}
	}
	for _, s := range b.schemas {
		api.Schemas = append(api.Schemas, s)
	}
	slices.SortFunc(api.Schemas, func(a, b schema) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(api.Services, func(a, b service) int { return cmp.Compare(a.Name, b.Name) })
	return api, nil
}

func (b *builder) service(s *protogen.Service) (service, error) {
	made := service{Name: string(s.Desc.FullName()), Description: prose(s.Comments.Leading)}
	for _, method := range s.Methods {
		access := levels(method)
		if len(access) == 0 {
			continue
		}
		if method.Desc.IsStreamingClient() || method.Desc.IsStreamingServer() {
			return made, fmt.Errorf("%s streams, which a POST of JSON cannot; give clients a unary method", method.Desc.FullName())
		}
		b.message(method.Input)
		b.message(method.Output)
		o := operation{
			Service: made.Name, Name: string(method.Desc.Name()), Description: prose(method.Comments.Leading), Access: access,
			Request: string(method.Input.Desc.FullName()), Response: string(method.Output.Desc.FullName()),
		}
		o.Reasons = b.reasonsOf(o)
		made.Operations = append(made.Operations, o)
	}
	return made, nil
}

// levels are the classes of clients that may call a method, none for one between components.
func levels(method *protogen.Method) []string {
	rules, _ := proto.GetExtension(method.Desc.Options(), accessv1.E_Access).([]*accessv1.Rule)
	var names []string
	for _, rule := range rules {
		if level := rule.GetLevel(); level != accessv1.Level_LEVEL_INTERNAL {
			names = append(names, strings.TrimPrefix(level.String(), "LEVEL_"))
		}
	}
	return names
}

var capitals = regexp.MustCompile(`\b[A-Z][A-Z_]{4,}\b`)

// reasonsOf lists the reasons that a comment names, and those that belong to any call.
func (b *builder) reasonsOf(o operation) []reason {
	names := capitals.FindAllString(o.Description, -1)
	names = append(names, "CONTENT_INVALID", "RATE_LIMITED", "UNAVAILABLE")
	if !o.Public() {
		names = append(names, "UNAUTHENTICATED", "SESSION_ENDED")
	}
	if slices.Contains(o.Access, "ADMIN") {
		names = append(names, "FORBIDDEN")
	}
	var all []reason
	for _, r := range nearest(b.reasons, strings.Split(o.Service, ".")[1]) {
		if slices.Contains(names, r.Name) {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(x, y reason) int { return cmp.Compare(x.Status(), y.Status()) })
	return all
}

// message adds a message with all that it reaches.
func (b *builder) message(m *protogen.Message) {
	name := string(m.Desc.FullName())
	if _, known := b.schemas[name]; known || strings.HasPrefix(name, "google.protobuf.") {
		return
	}
	b.schemas[name] = schema{} // ends recursion
	made := schema{Name: name, Description: prose(m.Comments.Leading)}
	for _, f := range m.Fields {
		made.Fields = append(made.Fields, b.field(f))
	}
	for _, o := range m.Oneofs {
		if o.Desc.IsSynthetic() {
			continue
		}
		c := choice{Required: choiceRequired(o)}
		for _, f := range o.Fields {
			c.Fields = append(c.Fields, f.Desc.JSONName())
		}
		made.Choices = append(made.Choices, c)
	}
	b.schemas[name] = made
}

func (b *builder) enum(e *protogen.Enum) {
	name := string(e.Desc.FullName())
	if _, known := b.schemas[name]; known {
		return
	}
	made := schema{Name: name, Description: prose(e.Comments.Leading)}
	for _, v := range e.Values {
		made.Values = append(made.Values, value{string(v.Desc.Name()), prose(v.Comments.Leading)})
	}
	b.schemas[name] = made
}

func (b *builder) field(f *protogen.Field) field {
	made := field{Name: f.Desc.JSONName(), Description: prose(f.Comments.Leading), Type: shapeOf(f)}
	for _, reached := range []*protogen.Field{f, mapValue(f)} {
		switch {
		case reached == nil:
		case reached.Enum != nil:
			b.enum(reached.Enum)
		case reached.Message != nil && !f.Desc.IsMap() || reached != f && reached.Message != nil:
			b.message(reached.Message)
		}
	}
	if options, ok := f.Desc.Options().(*descriptorpb.FieldOptions); ok {
		made.Secret = options.GetDebugRedact()
	}
	made.limit(f.Desc)
	return made
}

// prose joins the lines of a comment into paragraphs.
func prose(c protogen.Comments) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(strings.TrimSpace(string(c)), "\n\n") {
		paragraphs = append(paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	return strings.Join(paragraphs, "\n\n")
}
