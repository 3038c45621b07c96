// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"go/ast"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	envKey     = regexp.MustCompile(`^PARLEY_[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	metricName = regexp.MustCompile(`^parley_[a-z][a-z0-9]*(_[a-z0-9]+)+$`)
	reasonName = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
)

// metricLabels is the closed list: a label never holds an id, a name or free text.
func metricLabels() []string {
	return []string{
		"method", "code", "reason", "outcome", "queue", "step", "wave", "kind", "state", "class", "component", "version",
	}
}

// componentKeys are the environment keys that api/component declares.
func componentKeys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for _, s := range sources(t) {
		if path.Dir(s.path) != "api/component" || s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Env") {
				return true
			}
			keys = append(keys, literal(spec.Values[0]))
			return true
		})
	}
	if len(keys) == 0 {
		t.Fatal("api/component declares no environment key")
	}
	return keys
}

func literal(x ast.Expr) string {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

func TestEnvironmentKeysHaveOneForm(t *testing.T) {
	t.Parallel()
	keys := componentKeys(t)
	for _, key := range keys {
		if !envKey.MatchString(key) && key != "SERVICE_BINDING_ROOT" { // its specification names it
			t.Errorf("environment key %q: want PARLEY_<AREA>_<NAME>", key)
		}
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(keys))); len(sorted) != len(keys) {
		t.Errorf("an environment key is declared twice in api/component: %v", keys)
	}
}

// TestConfigReadsDeclaredKeys: what the operator writes and what a service reads is one list.
func TestConfigReadsDeclaredKeys(t *testing.T) {
	t.Parallel()
	keys := componentKeys(t)
	for _, s := range sources(t) {
		if service(path.Dir(s.path)) == "" || s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				return true
			}
			key, _, _ := strings.Cut(reflect.StructTag(tag).Get("env"), ",")
			if key != "" && !slices.Contains(keys, key) {
				t.Errorf("%s:%d reads %s, which api/component does not declare", s.path, s.line(field.Pos()), key)
			}
			return true
		})
	}
}

// TestMetricsAreNamedAlike reads the options that are passed to the Prometheus library.
func TestMetricsAreNamedAlike(t *testing.T) {
	t.Parallel()
	const library = "github.com/prometheus/client_golang/prometheus"
	for _, s := range sources(t) {
		name := importName(s.file, library)
		if name == "" || s.supportsTests() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				checkMetricOptions(t, s, name, lit)
			}
			return true
		})
		calls(s, library, func(function string, call *ast.CallExpr) {
			if strings.HasSuffix(function, "Vec") && len(call.Args) == 2 {
				checkMetricLabels(t, s, call.Args[1])
			}
		})
	}
}

func checkMetricOptions(t *testing.T, s source, library string, lit *ast.CompositeLit) {
	t.Helper()
	sel, ok := lit.Type.(*ast.SelectorExpr)
	if !ok || !strings.HasSuffix(sel.Sel.Name, "Opts") {
		return
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != library {
		return
	}
	parts := map[string]string{}
	for _, element := range lit.Elts {
		if kv, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				parts[key.Name] = literal(kv.Value)
			}
		}
	}
	if parts["Name"] == "" {
		return // computed: the value is checked where its parts are
	}
	full := strings.Join(slices.DeleteFunc([]string{parts["Namespace"], parts["Subsystem"], parts["Name"]}, func(p string) bool { return p == "" }), "_")
	if !metricName.MatchString(full) {
		t.Errorf("%s:%d metric %q: want parley_<svc>_<noun>[_<unit>]", s.path, s.line(lit.Pos()), full)
	}
	if counter := sel.Sel.Name == "CounterOpts"; counter != strings.HasSuffix(full, "_total") {
		t.Errorf("%s:%d metric %q: counters, and only counters, end in _total", s.path, s.line(lit.Pos()), full)
	}
	if parts["Help"] == "" {
		t.Errorf("%s:%d metric %q has no help text", s.path, s.line(lit.Pos()), full)
	}
}

func checkMetricLabels(t *testing.T, s source, x ast.Expr) {
	t.Helper()
	list, ok := x.(*ast.CompositeLit)
	if !ok {
		return
	}
	for _, element := range list.Elts {
		if label := literal(element); label != "" && !slices.Contains(metricLabels(), label) {
			t.Errorf("%s:%d metric label %q is not in the closed list %v", s.path, s.line(element.Pos()), label, metricLabels())
		}
	}
}

func TestErrorReasonsHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		calls(s, modulePath+"/services/internal/fault", func(function string, call *ast.CallExpr) {
			if function != "New" || len(call.Args) < 2 || s.supportsTests() {
				return
			}
			if reason := literal(call.Args[1]); reason != "" && (!reasonName.MatchString(reason) || len(reason) > 63) {
				t.Errorf("%s:%d reason %q: want UPPER_SNAKE of at most 63 characters", s.path, s.line(call.Pos()), reason)
			}
		})
	}
}
