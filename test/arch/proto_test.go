// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	_ "github.com/parley-chat/parley/api/gen/parley/event/v1" // registers message, user, friend
	_ "github.com/parley-chat/parley/api/gen/parley/file/v1"
	_ "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	_ "github.com/parley-chat/parley/api/gen/parley/identity/v1"
	_ "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	_ "github.com/parley-chat/parley/api/gen/parley/transmit/v1"
)

// protoDeclaration matches a line that declares a service, method, message, enum, oneof, field or value.
var protoDeclaration = regexp.MustCompile(
	`^\s*(?:(?:service|rpc|message|enum|oneof)\s+(\w+)|(?:repeated |optional )?[\w.]+(?:<[\w., ]+>)?\s+(\w+) = \d+|([A-Z][A-Z0-9_]+) = \d+)`)

func protoFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := walk(func(p string) error {
		if !strings.HasPrefix(p, "api/proto/") || !strings.HasSuffix(p, ".proto") {
			return nil
		}
		text, err := read(p)
		files[strings.TrimPrefix(p, "api/proto/")] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no proto found below api/proto")
	}
	return files
}

func TestEveryProtoDeclarationHasAComment(t *testing.T) {
	t.Parallel()
	for name, text := range protoFiles(t) {
		for _, missing := range uncommented(text) {
			t.Errorf("%s: %s has no comment above it", name, missing)
		}
	}
}

// uncommented lists the declarations of a proto that no comment precedes.
func uncommented(text string) []string {
	var missing []string
	previous := ""
	for line := range strings.SplitSeq(text, "\n") {
		if m := protoDeclaration.FindStringSubmatch(line); m != nil && !isStatement(line) && !strings.HasPrefix(previous, "//") {
			missing = append(missing, m[1]+m[2]+m[3])
		}
		previous = strings.TrimSpace(line)
	}
	return missing
}

func isStatement(line string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return word == "option" || word == "syntax" || word == "reserved" || word == "import" || word == "//"
}

func TestUncommentedFindsEachKindOfDeclaration(t *testing.T) {
	t.Parallel()
	const text = `
// Good is documented.
service Good {
  rpc Bare(A) returns (B) {}
}
message Lonely {
  string field = 1;
  // Documented.
  repeated string list = 2;
  map<string, string> facts = 3;
  oneof choice {
    // Documented.
    A a = 4;
  }
}
enum Kind {
  KIND_UNSPECIFIED = 0;
}
`
	want := "Bare Lonely field facts choice Kind KIND_UNSPECIFIED"
	if got := strings.Join(uncommented(text), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func methods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var list []protoreflect.MethodDescriptor
	for name := range protoFiles(t) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(name)
		if err != nil {
			t.Fatalf("%s is not registered: import its generated package here, or generate it (%v)", name, err)
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				list = append(list, service.Methods().Get(j))
			}
		}
	}
	return list
}

func TestEveryMethodSaysWhoMayCallIt(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range component.All() {
		known[string(name)] = true
	}
	for _, m := range methods(t) {
		rules, _ := proto.GetExtension(m.Options(), accessv1.E_Access).([]*accessv1.Rule)
		if len(rules) == 0 {
			t.Errorf("%s has no access rule", m.FullName())
		}
		for _, r := range rules {
			if internal := r.GetLevel() == accessv1.Level_LEVEL_INTERNAL; internal != (len(r.GetCallers()) > 0) {
				t.Errorf("%s: callers belong to LEVEL_INTERNAL, and it needs them", m.FullName())
			}
			for _, caller := range r.GetCallers() {
				if !known[caller] {
					t.Errorf("%s lets in %q, which is no component", m.FullName(), caller)
				}
			}
		}
	}
}

func TestEveryMethodTakesItsOwnRequestAndResponse(t *testing.T) {
	t.Parallel()
	for _, m := range methods(t) {
		name := string(m.Name())
		if string(m.Input().Name()) != name+"Request" || string(m.Output().Name()) != name+"Response" {
			t.Errorf("%s takes %s and answers %s, want %sRequest and %sResponse", m.FullName(), m.Input().Name(), m.Output().Name(), name, name)
		}
	}
}

// TestEveryMethodHasAHandlerTest: the tests of a service's handlers, or of its server, call each method.
func TestEveryMethodHasAHandlerTest(t *testing.T) {
	t.Parallel()
	tests := map[string]string{} // service → text of its tests
	for _, s := range sources(t) {
		svc := service(path.Dir(s.path))
		if svc != "" && s.isTest() && strings.Contains(s.path, "/") {
			tests[filepath.Base(svc)] += s.text
		}
	}
	for _, m := range methods(t) {
		svc := strings.Split(string(m.FullName()), ".")[1] // parley.<svc>.v1.…
		if called := regexp.MustCompile(`\.` + string(m.Name()) + `\(`); !called.MatchString(tests[svc]) {
			t.Errorf("no test of services/%s calls %s", svc, m.FullName())
		}
	}
}
