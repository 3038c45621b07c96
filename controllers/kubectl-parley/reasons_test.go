// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

var update = flag.Bool("update", false, "write what is generated, and the golden files")

const (
	constantsFile = "../../api/v1alpha1/chatcluster_conditions.go"
	pageFile      = "../../docs/reference/reasons.md"
	tableFile     = "zz_generated.reasons.go"
)

// reasonGroup is one block of constants.
type reasonGroup struct {
	title   string
	about   string
	reasons []reason
}

// reason is one constant with what its comment says.
type reason struct{ constant, value, help string }

func (r reason) isSuffix() bool { return strings.HasPrefix(r.constant, "Suffix") }

func (g reasonGroup) isOfServices() bool { return strings.HasPrefix(g.reasons[0].constant, "Service") }

// reasonGroups reads the blocks whose comment begins with "Reasons of".
func reasonGroups(t *testing.T) []reasonGroup {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), constantsFile, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var groups []reasonGroup
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST || !strings.HasPrefix(block.Doc.Text(), "Reasons of ") {
			continue
		}
		title, about, _ := strings.Cut(strings.Join(strings.Fields(block.Doc.Text()), " "), ". ")
		group := reasonGroup{title: strings.TrimSuffix(title, "."), about: about}
		for _, s := range block.Specs {
			spec := s.(*ast.ValueSpec)
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			name := spec.Names[0].Name
			help, _ := strings.CutPrefix(strings.Join(strings.Fields(spec.Doc.Text()), " "), name+": ")
			group.reasons = append(group.reasons, reason{name, value, strings.TrimSuffix(help, ".")})
		}
		groups = append(groups, group)
	}
	if len(groups) < 5 {
		t.Fatalf("only %d blocks of reasons: has the file moved?", len(groups))
	}
	return groups
}

// TestEveryReasonSaysWhatToDo: a reason that is added without words is found here.
func TestEveryReasonSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, group := range reasonGroups(t) {
		for _, r := range group.reasons {
			if r.help == "" {
				t.Errorf("%s has no comment of the form %q", r.constant, "// "+r.constant+": what to do.")
				continue
			}
			for _, name := range namesOf(r) {
				if page := pageFor(t, name, group.isOfServices()); !strings.Contains(page, r.help) {
					t.Errorf("the page for %s does not say what to do, %q:\n%s", name, r.help, page)
				}
			}
		}
	}
}

// namesOf a reason: a suffix stands behind the name of each dependency.
func namesOf(r reason) []string {
	if !r.isSuffix() {
		return []string{r.value}
	}
	var names []string
	for _, d := range component.Dependencies() {
		names = append(names, binding.DisplayName(d)+r.value)
	}
	return names
}

// pageFor prints what a person is told when a reason comes up without a message.
func pageFor(t *testing.T, name string, ofService bool) string {
	t.Helper()
	one := adviceFor(name, "", example())
	if ofService {
		one = adviceForService(name, "", example())
	}
	var page strings.Builder
	writeNext(&page, []advice{one})
	return page.String()
}

// TestEveryReasonThatAsksForSomethingIsShown: each reason of a condition that is not as it should be.
func TestEveryReasonThatAsksForSomethingIsShown(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]metav1.Condition{
		"Stalled":           {Type: chatv1alpha1.ConditionStalled, Status: metav1.ConditionTrue},
		"Reconciling":       {Type: chatv1alpha1.ConditionReconciling, Status: metav1.ConditionTrue},
		"Ready":             {Type: chatv1alpha1.ConditionReady, Status: metav1.ConditionFalse},
		"Ready unknown":     {Type: chatv1alpha1.ConditionReady, Status: metav1.ConditionUnknown},
		"Available":         {Type: chatv1alpha1.ConditionAvailable, Status: metav1.ConditionFalse},
		"DependenciesReady": {Type: chatv1alpha1.ConditionDependenciesReady, Status: metav1.ConditionFalse},
		"SchemaReady":       {Type: chatv1alpha1.ConditionSchemaReady, Status: metav1.ConditionFalse},
		"SearchRebuilding":  {Type: chatv1alpha1.ConditionSearchRebuilding, Status: metav1.ConditionFalse},
		"GatewayDraining":   {Type: chatv1alpha1.ConditionGatewayDraining, Status: metav1.ConditionTrue},
	} {
		c.Reason = chatv1alpha1.ReasonServicesNotReady
		cluster := example()
		cluster.Status.Conditions = []metav1.Condition{c}
		if list := next(cluster); len(list) != 1 || list[0].reason != c.Reason {
			t.Errorf("%s: got %+v, want the reason of the condition", kind, list)
		}
	}
}

// example is a ChatCluster with stand-ins for names.
func example() *chatv1alpha1.ChatCluster {
	return &chatv1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "NAMESPACE", Name: "NAME"},
		Spec: chatv1alpha1.ChatClusterSpec{
			Version: "NEW",
			Dependencies: chatv1alpha1.Dependencies{
				RabbitMQ: &chatv1alpha1.RabbitMQ{Source: chatv1alpha1.Source{BindingRef: &chatv1alpha1.BindingReference{Kind: "KIND", Name: "OBJECT"}}},
				MySQL:    &chatv1alpha1.MySQL{Source: chatv1alpha1.Source{BindingRef: &chatv1alpha1.BindingReference{Kind: "KIND", Name: "OBJECT"}}},
			},
		},
		Status: chatv1alpha1.ChatClusterStatus{Version: "OLD"},
	}
}

// TestGeneratedReasonsAreCurrent: the table of the plugin and the page come from the constants.
func TestGeneratedReasonsAreCurrent(t *testing.T) {
	t.Parallel()
	groups := reasonGroups(t)
	table, err := format.Source(tableOf(groups))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, tableFile, string(table))
	golden(t, pageFile, pageOf(t, groups))
}

// golden compares with a committed file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: run go test ./controllers/kubectl-parley -update when this is meant (-want +got):\n%s", path, diff)
	}
}

func tableOf(groups []reasonGroup) []byte {
	var b bytes.Buffer
	b.WriteString("// SPDX-License-Identifier: Apache-2.0\n\n// Code generated by TestGeneratedReasonsAreCurrent from api/v1alpha1. DO NOT EDIT.\n\npackage main\n\n")
	write := func(name, comment string, wanted func(reasonGroup) bool) {
		fmt.Fprintf(&b, "// %s %s\nfunc %s() map[string]string {\n\treturn map[string]string{\n", name, comment, name)
		for _, group := range groups {
			for _, r := range group.reasons {
				if wanted(group) {
					fmt.Fprintf(&b, "\t\t%q: %q,\n", r.value, r.help)
				}
			}
		}
		b.WriteString("\t}\n}\n\n")
	}
	write("conditionHelp", "says what to do for each reason of a condition, those of dependencies without their name.", func(g reasonGroup) bool { return !g.isOfServices() })
	write("serviceHelp", "says what to do for each reason of status.services.", reasonGroup.isOfServices)
	return b.Bytes()
}

func pageOf(t *testing.T, groups []reasonGroup) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!-- Made from api/v1alpha1/chatcluster_conditions.go by go test ./controllers/kubectl-parley -update; do not edit. -->\n" +
		"# What to do, by reason\n\n" +
		"`kubectl parley status NAME` shows the same with the names of your cluster filled in; the message of a\n" +
		"condition names the pod, Secret, key or field that is meant. Words in capitals stand for names.\n")
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n", group.title)
		if group.about != "" && !strings.HasPrefix(group.about, "The comment") {
			fmt.Fprintf(&b, "\n%s\n", group.about)
		}
		for _, r := range group.reasons {
			writeReason(&b, r, group.isOfServices())
		}
	}
	return b.String()
}

func writeReason(b *strings.Builder, r reason, ofService bool) {
	title, name := r.value, r.value
	if r.isSuffix() {
		title, name = strings.Join(namesOf(r), ", "), "MySQL"+r.value
	}
	fmt.Fprintf(b, "\n### %s\n\n%s.\n", title, strings.ToUpper(r.help[:1])+r.help[1:])
	one := adviceFor(name, "", example())
	if ofService {
		one = adviceForService(name, "", example())
	}
	if len(one.commands) > 0 {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.Join(one.commands, "\n"))
	}
}
