// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/pluginpb"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

// run generates from the contracts that are compiled in; these hold no comments.
func run(t *testing.T, files ...protoreflect.FileDescriptor) map[string][]byte {
	t.Helper()
	request := &pluginpb.CodeGeneratorRequest{}
	added := map[string]bool{}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if added[file.Path()] {
			return
		}
		added[file.Path()] = true
		for i := range file.Imports().Len() {
			imported, err := protoregistry.GlobalFiles.FindFileByPath(file.Imports().Get(i).Path())
			if err != nil {
				t.Fatal(err)
			}
			add(imported)
		}
		request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range files {
		add(file)
		request.FileToGenerate = append(request.FileToGenerate, file.Path())
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		t.Fatal(err)
	}
	reasons := declared("user", `ErrTaken = fault.New(fault.Exists, "USERNAME_TAKEN", "taken")`)
	if err := generate(plugin, reasons); err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	for _, file := range plugin.Response().GetFile() {
		made[file.GetName()] = []byte(file.GetContent())
	}
	return made
}

// node walks into a document.
func node(t *testing.T, document []byte, path ...string) any {
	t.Helper()
	var at any
	if err := yaml.Unmarshal(document, &at); err != nil {
		t.Fatal(err)
	}
	for _, key := range path {
		next, ok := at.(map[string]any)
		if !ok || next[key] == nil {
			t.Fatalf("no %q on the way %q", key, path)
		}
		at = next[key]
	}
	return at
}

func TestTheDocumentListsWhatClientsMayCall(t *testing.T) {
	t.Parallel()
	made := run(t, userv1.File_parley_user_v1_auth_proto, gatewayv1.File_parley_gateway_v1_session_proto, gatewayv1.File_parley_gateway_v1_frame_proto)
	document, page := string(made["openapi.yaml"]), string(made["index.html"])
	for _, want := range []string{"/parley.user.v1.AuthService/Register:", "/parley.gateway.v1.SessionService/Resolve:", "parley.gateway.v1.ServerFrame:"} {
		if !strings.Contains(document, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, internal := range []string{"VerifyToken", "ListRevocations", "HomeService"} {
		if strings.Contains(document, internal) || strings.Contains(page, internal) {
			t.Errorf("%s is for components only", internal)
		}
	}
	if got := node(t, made["openapi.yaml"], "paths", "/parley.user.v1.AuthService/Login", "post", "security"); !cmp.Equal(got, []any{map[string]any{}}) {
		t.Errorf("Login wants %v, and nobody has a token before", got)
	}
}

func TestLimitsOfFieldsAreSaid(t *testing.T) {
	t.Parallel()
	document := run(t, userv1.File_parley_user_v1_auth_proto, userv1.File_parley_user_v1_user_proto)["openapi.yaml"]
	schemas := []string{"components", "schemas"}
	got := node(t, document, append(schemas, "parley.user.v1.RegisterRequest", "properties", "username")...)
	want := map[string]any{"type": "string", "minLength": 3, "maxLength": 32, "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := node(t, document, append(schemas, "parley.user.v1.RegisterRequest", "required")...); !cmp.Equal(got, []any{"username", "nickname", "password", "device"}) {
		t.Errorf("required are %v", got)
	}
	got = node(t, document, append(schemas, "parley.user.v1.BatchGetUsersRequest", "properties", "userIds")...)
	want = map[string]any{"type": "array", "minItems": 1, "maxItems": 100, "items": map[string]any{"type": "string", "format": "uuid"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := node(t, document, append(schemas, "parley.user.v1.UpdateProfileRequest")...); strings.Contains(strings.Join(keys(got), " "), "required") {
		t.Error("fields that may be absent are required")
	}
}

// JSON carries bytes as base64, which is longer than they are.
func TestLimitsOfBytesAreThoseOfTheirText(t *testing.T) {
	t.Parallel()
	document := run(t, speechv1.File_parley_speech_v1_speech_proto)["openapi.yaml"]
	got := node(t, document, "components", "schemas", "parley.speech.v1.RecognizeRequest", "properties", "audio")
	// Descriptors in a program have lost their comments.
	want := map[string]any{"type": "string", "format": "byte", "minLength": 2, "maxLength": 5592408, "description": " At most 4194304 bytes."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func keys(object any) []string {
	var all []string
	for key := range object.(map[string]any) {
		all = append(all, key)
	}
	return all
}

func TestTwoRunsWriteTheSameBytes(t *testing.T) {
	t.Parallel()
	first, second := run(t, userv1.File_parley_user_v1_auth_proto), run(t, userv1.File_parley_user_v1_auth_proto)
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestEveryReasonHasTheWordsOfItsService(t *testing.T) {
	t.Parallel()
	all := []reason{
		{Name: "NOT_FOUND", Text: "nobody", Owner: "friend"},
		{Name: "NOT_FOUND", Text: "nothing", Owner: "internal"},
		{Name: "NOT_FOUND", Text: "no conversation", Owner: "message"},
	}
	for owner, want := range map[string]string{"friend": "nobody", "message": "no conversation", "user": "nothing"} {
		if got := nearest(all, owner); len(got) != 1 || got[0].Text != want {
			t.Errorf("%s says %v, want %q", owner, got, want)
		}
	}
	if got := merged(all); len(got) != 1 || got[0].Text != "nobody; nothing; no conversation" {
		t.Errorf("merged %v", got)
	}
	for _, text := range []string{`New(Invalid, "CONTENT_INVALID", "a field")`, "fault.New(\n\tfault.Denied, \"FORBIDDEN\", \"no\")"} {
		if got := declared("x", text); len(got) != 1 {
			t.Errorf("%s declares %v", text, got)
		}
	}
}

// A oneof that may stay empty must not refuse an object without any of its fields.
func TestAChoiceThatMayBeEmpty(t *testing.T) {
	t.Parallel()
	ways := documentChoice(choice{Fields: []string{"a", "b"}})
	if len(ways) != 3 || len(documentChoice(choice{Fields: []string{"a", "b"}, Required: true})) != 2 {
		t.Errorf("%d ways", len(ways))
	}
}
