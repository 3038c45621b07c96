// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	"github.com/parley-chat/parley/api/openapi"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// description is what the tests read of the OpenAPI document.
type description struct {
	OpenAPI string `yaml:"openapi"`
	Paths   map[string]struct {
		Post struct {
			Security    []map[string][]string `yaml:"security"`
			RequestBody content               `yaml:"requestBody"`
			Responses   map[string]content    `yaml:"responses"`
		} `yaml:"post"`
	} `yaml:"paths"`
	Components struct {
		Schemas map[string]*jsonSchema `yaml:"schemas"`
	} `yaml:"components"`
}

type content struct {
	Content map[string]struct {
		Schema *jsonSchema `yaml:"schema"`
	} `yaml:"content"`
}

func (c content) schema() *jsonSchema { return c.Content["application/json"].Schema }

// jsonSchema holds the words of JSON Schema that the document uses for form.
type jsonSchema struct {
	Ref        string                 `yaml:"$ref"`
	Type       string                 `yaml:"type"`
	Enum       []string               `yaml:"enum"`
	Properties map[string]*jsonSchema `yaml:"properties"`
	Additional *jsonSchema            `yaml:"additionalProperties"`
	Items      *jsonSchema            `yaml:"items"`
	Required   []string               `yaml:"required"`
	AllOf      []*jsonSchema          `yaml:"allOf"`
	OneOf      []*jsonSchema          `yaml:"oneOf"`
}

func readDescription(t *testing.T, base string) description {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/docs/openapi.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	served, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := openapi.FS().ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(served) != string(committed) {
		t.Error("the gateway serves another document than the committed one")
	}
	var d description
	if err := yaml.Unmarshal(served, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// check lists where a value does not have the form that a schema says.
func (d description) check(at string, value any, s *jsonSchema) []string {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		s = d.Components.Schemas[name]
		if s == nil {
			return []string{at + ": no schema " + name}
		}
	}
	wrong := []string{fmt.Sprintf("%s is %v, want %s", at, value, s.Type)}
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" {
			return wrong
		}
		return d.checkObject(at, v, s)
	case []any:
		if s.Type != "array" {
			return wrong
		}
		var all []string
		for i, item := range v {
			all = append(all, d.check(fmt.Sprintf("%s[%d]", at, i), item, s.Items)...)
		}
		return all
	case string:
		if s.Type != "string" || len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			return wrong
		}
	case bool:
		if s.Type != "boolean" {
			return wrong
		}
	case float64:
		if s.Type != "integer" && s.Type != "number" {
			return wrong
		}
	}
	return nil
}

func (d description) checkObject(at string, object map[string]any, s *jsonSchema) []string {
	var all []string
	for name, value := range object {
		property := s.Properties[name]
		if property == nil {
			property = s.Additional
		}
		if property == nil {
			all = append(all, at+"."+name+" is not described")
			continue
		}
		all = append(all, d.check(at+"."+name, value, property)...)
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			all = append(all, at+"."+name+" is missing")
		}
	}
	return all
}

// needs tells whether an empty object breaks a rule of a schema.
func (d description) needs(s *jsonSchema) bool {
	s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	return len(s.Required) > 0 || slices.ContainsFunc(s.AllOf, func(choice *jsonSchema) bool {
		return !slices.ContainsFunc(choice.OneOf, func(way *jsonSchema) bool { return len(way.Required) == 0 })
	})
}

// checkAnswer compares an answer with what the document says of its status.
func (d description) checkAnswer(t *testing.T, method string, got people.Answer) {
	t.Helper()
	responses := d.Paths["/"+method].Post.Responses
	said, ok := responses[fmt.Sprint(got.Status)]
	if !ok {
		said = responses["default"]
	}
	var body any
	if err := json.Unmarshal(got.Body, &body); err != nil {
		t.Errorf("%s answers %s: %v", method, got.Body, err)
		return
	}
	for _, difference := range d.check(method+" "+fmt.Sprint(got.Status), body, said.schema()) {
		t.Error(difference)
	}
}

func TestF54_TheDocumentListsEveryMethodOfClients(t *testing.T) {
	t.Parallel()
	d := readDescription(t, devtest.Start(t, devtest.Options{}).Public(0))
	if d.OpenAPI != "3.1.0" {
		t.Errorf("version %s", d.OpenAPI)
	}
	for _, m := range methods() {
		open := m.allows(accessv1.Level_LEVEL_PUBLIC, "") || m.allows(accessv1.Level_LEVEL_USER, "") || m.allows(accessv1.Level_LEVEL_ADMIN, "")
		operation, described := d.Paths["/"+m.name]
		if open != described {
			t.Errorf("%s: open to clients %v, in the document %v", m.name, open, described)
		}
		if free := operation.Post.Security != nil; described && free != m.allows(accessv1.Level_LEVEL_PUBLIC, "") {
			t.Errorf("%s: callable without a token by the document: %v", m.name, free)
		}
	}
}

// Each operation is called through the document with nothing; every answer has the form that it says.
func TestF54_EveryOperationIsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	base := sys.Public(0)
	d, boss := readDescription(t, base), newOwner(t, sys)
	for path, operation := range d.Paths {
		method := strings.TrimPrefix(path, "/")
		if operation.Post.Security == nil {
			got := people.Call(t, base, method, []byte("{}"))
			if got.Status != http.StatusUnauthorized {
				t.Errorf("%s without a token: %s", method, got)
			}
			d.checkAnswer(t, method, got)
		}
		// Somebody new each time: an empty request can be a whole one, as for Logout.
		somebody := people.Register(t, base, "somebody")
		if strings.HasPrefix(method, adminService) || strings.HasPrefix(method, moderationService) {
			somebody = boss
		}
		got := people.Call(t, base, method, []byte("{}"), people.Bearer(somebody.Token)...)
		if refused := got.Reason == "CONTENT_INVALID"; refused != d.needs(operation.Post.RequestBody.schema()) {
			t.Errorf("%s with an empty request: %s, and the document says that something is required: %v", method, got, !refused)
		}
		d.checkAnswer(t, method, got)
	}
}

// checkRequest compares a request with what the document says.
func (d description) checkRequest(t *testing.T, method string, request proto.Message) {
	t.Helper()
	var sent any
	if err := json.Unmarshal(people.JSON(request), &sent); err != nil {
		t.Fatal(err)
	}
	for _, difference := range d.check(method+" sends", sent, d.Paths["/"+method].Post.RequestBody.schema()) {
		t.Error(difference)
	}
}

// The check itself sees what is wrong.
func TestTheCheckOfTheDocumentSeesDifferences(t *testing.T) {
	t.Parallel()
	var d description
	text := "components: {schemas: {a: {type: object, required: [n], properties: {n: {type: string}, k: {type: string, enum: [X]}, l: {type: array, items: {type: integer}}}}}}"
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{
		`{"n":"1"}`: 0, `{}`: 1, `{"n":1}`: 1, `{"n":"1","x":1}`: 1, `{"n":"1","k":"Y"}`: 1, `{"n":"1","l":[1,"2"]}`: 1, `[]`: 1, `{"n":"1","k":"X","l":[1]}`: 0,
	} {
		var value any
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			t.Fatal(err)
		}
		if got := d.check("a", value, &jsonSchema{Ref: "#/components/schemas/a"}); len(got) != want {
			t.Errorf("%s: %v, want %d differences", body, got, want)
		}
	}
}
