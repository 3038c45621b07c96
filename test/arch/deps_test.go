// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// rule forbids imports. Paths of ours are relative to the module ("services/message/sqlstore"), all
// others are whole import paths.
type rule struct {
	name   string
	reason string
	// applies tells which packages the rule is about.
	applies func(from string) bool
	// forbids tells whether such a package may not import another.
	forbids func(from, to string) bool
	// tests makes the rule hold for test files too.
	tests bool
}

// internalEdges lists which shared package may use which, beside api/gen and api/component. The graph
// is short on purpose: what a shared package needs, every service carries.
func internalEdges() map[string][]string {
	return map[string][]string{
		"fault":                       {},
		"secret":                      {},
		"childprocess":                {},
		"failpoint":                   {},
		"provider":                    {},
		"provider/providertest":       {"fault", "provider"},
		"lifecycle":                   {},
		"ids":                         {"fault"},
		"page":                        {"fault", "ids"},
		"telemetry":                   {"fault", "ids"},
		"identity":                    {"fault", "ids", "secret"},
		"audit":                       {"fault", "ids"},
		"audit/auditsql":              {"audit", "sqldb"},
		"audit/auditapi":              {"audit", "ids"},
		"ring":                        {"ids"},
		"ring/endpointslices":         {"ring"},
		"dialect":                     {},
		"sqldb":                       {"certificate", "fault", "secret", "dialect", "sqldb/dialect", "failpoint"},
		"sqldb/dialect":               {},
		"sqldb/sqldbtest":             {"sqldb", "secret"},
		"broker":                      {"fault", "secret"},
		"broker/amqpbroker":           {"certificate", "broker", "fault", "secret", "lifecycle"},
		"broker/membroker":            {"broker", "fault"},
		"broker/brokertest":           {"broker", "fault"},
		"outbox":                      {"broker", "failpoint", "fault", "ids", "sqldb", "dialect", "sqldb/dialect"},
		"outbox/outboxtest":           {"outbox", "broker", "ids", "sqldb"},
		"rpcserver":                   {"fault", "ids", "identity", "lifecycle", "secret", "telemetry"},
		"rpcclient":                   {"fault", "ids", "identity"},
		"process":                     {"broker", "broker/amqpbroker", "certificate", "identity", "lifecycle", "secret", "telemetry"},
		"blob":                        {},
		"blob/folderblob":             {"blob"},
		"blob/s3blob":                 {"blob", "certificate", "secret"},
		"blob/s3blob/s3test":          {"blob/s3blob", "secret"},
		"blob/blobtest":               {"blob"},
		"picture":                     {},
		"mediatype":                   {},
		"filename":                    {},
		"textmatch":                   {},
		"searchindex":                 {},
		"searchindex/bleveindex":      {"searchindex"},
		"searchindex/elasticindex":    {"searchindex"},
		"searchindex/searchindextest": {"searchindex", "textmatch"},
		"searchindex/indexer":         {"broker", "searchindex"},
		"searchindex/indexserver": {
			"broker", "broker/amqpbroker", "certificate", "lifecycle", "process", "searchindex", "searchindex/bleveindex",
			"searchindex/elasticindex", "searchindex/indexer", "secret", "sqldb", "telemetry",
		},
	}
}

// domainMay is what the domain package of a service may import beside the standard library.
func domainMay() []string {
	return []string{
		"services/internal/fault", "services/internal/ids", "services/internal/page", "services/internal/failpoint",
		"services/internal/audit", "services/internal/searchindex", "services/internal/textmatch",
		"services/internal/blob", "services/internal/picture", "services/internal/mediatype", "services/internal/filename",
	}
}

func rules() []rule {
	return []rule{
		{
			name:    "1 api is a leaf",
			reason:  "contracts are what every part agrees on; a contract that imports a part ties all others to it",
			applies: func(from string) bool { return below(from, "api") },
			forbids: func(_, to string) bool { return isOurs(to) && !below(to, "api") },
		},
		{
			name:   "1 no Kubernetes type in a proto",
			reason: "clients and services must not carry Kubernetes' types and their version",
			applies: func(from string) bool {
				return below(from, "api/gen") || below(from, "api/component") || below(from, "api/client")
			},
			forbids: func(_, to string) bool { return isKubernetes(to) || below(to, "api/v1alpha1") },
			tests:   true,
		},
		{
			name:    "2 shared packages import contracts and listed siblings",
			reason:  "shared plumbing that knows a service, or everything, cannot be shared",
			applies: func(from string) bool { return below(from, "services/internal") },
			forbids: forbidsInternal,
		},
		{
			name:    "3 a service never imports another",
			reason:  "services meet over Connect, through a port that the caller declares, so that each can be deployed alone",
			applies: func(from string) bool { return service(from) != "" },
			forbids: func(from, to string) bool { return service(to) != "" && service(to) != service(from) },
			tests:   true,
		},
		{
			name:    "4 a domain package knows no technology",
			reason:  "rules that import SQL, HTTP or protobuf can only be tested with them; put the technology into a sub-folder that points inwards",
			applies: func(from string) bool { return service(from) == from && from != "" },
			forbids: forbidsDomain,
		},
		{
			name:    "5 adapters do not import one another",
			reason:  "only server sees several adapters; one that needs another is a rule of the domain in the wrong place",
			applies: func(from string) bool { return adapter(from) != "" && adapter(from) != "server" },
			forbids: func(from, to string) bool {
				// What calls answer and events tell alike becomes protos in one place.
				return service(to) == service(from) && adapter(to) != "" && adapter(to) != adapter(from) && adapter(to) != "wire"
			},
		},
		{
			name:   "5 only main, dev and test wire a service",
			reason: "a package that imports a server imports every technology of that service",
			applies: func(from string) bool {
				return from != "services" && !below(from, "services/dev") && !below(from, "test")
			},
			forbids: func(from, to string) bool { return adapter(to) == "server" && !below(from, to) },
		},
		{
			name:   "6 no Kubernetes in services",
			reason: "the chat program runs without Kubernetes; one package watches EndpointSlices for the ring",
			applies: func(from string) bool {
				return below(from, "services") && from != "services/internal/ring/endpointslices"
			},
			forbids: func(from, to string) bool {
				// The manifest is read by services/dev, and its decoder uses apimachinery's quantities.
				return isKubernetes(to) && !below(from, "services/dev")
			},
			tests: true,
		},
		{
			name:    "7 only dev reads the manifest",
			reason:  "a service gets its settings from the environment, whoever wrote them",
			applies: func(from string) bool { return below(from, "services") && !below(from, "services/dev") },
			forbids: func(_, to string) bool { return below(to, "api/v1alpha1") },
		},
		{
			name:    "7 the commands are a client",
			reason:  "what the commands can do, any client can do: they use the client library, never a service",
			applies: func(from string) bool { return below(from, "services/cli") },
			forbids: func(_, to string) bool { return isOurs(to) && !below(to, "api") && !below(to, "services/cli") },
		},
		{
			name:    "8 the operator knows contracts only",
			reason:  "operator and services are released and tested apart; what both need stands in api",
			applies: func(from string) bool { return below(from, "controllers") },
			forbids: forbidsController,
			tests:   true,
		},
		{
			name:   "9 builders are pure",
			reason: "same input, same bytes: a builder with a client, clock, randomness, file or network is no function of its input",
			applies: func(from string) bool {
				for _, pkg := range []string{"manifest", "rollout", "upgrade", "render"} {
					if below(from, "controllers/internal/"+pkg) {
						return true
					}
				}
				return false
			},
			forbids: func(_, to string) bool {
				return slices.Contains([]string{"os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "io/fs"}, to) ||
					strings.HasPrefix(to, "sigs.k8s.io/controller-runtime/pkg/client") || strings.HasPrefix(to, "k8s.io/client-go/kubernetes")
			},
		},
		{
			name:    "11 only the decoders of the standard library see pictures of strangers",
			reason:  "decoders of more formats are more ways in; sizes of WebP are read by our own few lines",
			applies: func(string) bool { return true },
			forbids: func(_, to string) bool {
				return slices.Contains([]string{"golang.org/x/image/webp", "golang.org/x/image/tiff", "golang.org/x/image/bmp", "golang.org/x/image/vp8", "golang.org/x/image/vp8l"}, to)
			},
		},
		{
			name:   "10 no test code outside tests",
			reason: "doubles and the testing package must not reach a release binary",
			applies: func(from string) bool {
				return !strings.HasSuffix(from, "test") && !below(from, "test") && !below(from, "hack")
			},
			forbids: func(_, to string) bool {
				return to == "testing" || isOurs(to) && (strings.HasSuffix(to, "test") || below(to, "test"))
			},
		},
	}
}

func forbidsInternal(from, to string) bool {
	if !isOurs(to) || below(to, "api/gen") || to == "api/component" {
		return false
	}
	sibling, ok := strings.CutPrefix(to, "services/internal/")
	if !ok {
		return true
	}
	return !slices.Contains(internalEdges()[strings.TrimPrefix(from, "services/internal/")], sibling)
}

func forbidsDomain(_, to string) bool {
	if isStandard(to) && !isOurs(to) {
		return below(to, "database") || below(to, "net/http")
	}
	return !slices.Contains(domainMay(), to)
}

func forbidsController(from, to string) bool {
	if to == "database/sql" || strings.Contains(to, "go-sql-driver") || strings.Contains(to, "jmoiron/sqlx") {
		return true
	}
	if !isOurs(to) || to == "api/v1alpha1" || to == "api/component" || below(to, "controllers") {
		return false
	}
	return !below(from, "controllers/kubectl-parley") || !below(to, "api/gen")
}

// isOurs tells a path of this repository, already relative to the module.
func isOurs(path string) bool {
	for _, top := range []string{"api", "services", "controllers", "test", "hack", "config"} {
		if below(path, top) {
			return true
		}
	}
	return false
}

func isKubernetes(path string) bool {
	return strings.HasPrefix(path, "k8s.io/") || strings.HasPrefix(path, "sigs.k8s.io/")
}

// service is the folder of the service that a package belongs to, "" for shared ones and the wiring.
func service(path string) string {
	rest, ok := strings.CutPrefix(path, "services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	switch name {
	case "internal", "dev", "cli":
		return ""
	}
	return "services/" + name
}

// adapter is the first folder below a service, "" for its domain package and its doubles.
func adapter(path string) string {
	svc := service(path)
	if svc == "" || path == svc {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(path, svc+"/"), "/")
	if strings.HasSuffix(name, "test") {
		return ""
	}
	return name
}

func TestImportsFollowTheDependencyRules(t *testing.T) {
	t.Parallel()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range packages(t) {
				if !r.applies(p.rel()) {
					continue
				}
				for _, to := range imports(p, r.tests) {
					if r.forbids(p.rel(), to) {
						t.Errorf("%s imports %s: %s", p.rel(), to, r.reason)
					}
				}
			}
		})
	}
}

// imports lists what a package imports, ours relative to the module; its own package is left out of
// what tests import.
func imports(p goPackage, tests bool) []string {
	all := slices.Clone(p.Imports)
	if tests {
		all = slices.Concat(all, p.TestImports, p.XTestImports)
	}
	for i, path := range all {
		if rel := ours(path); rel != "" {
			all[i] = rel
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(path string) bool { return path == p.rel() })
}

// TestRulesCatchWhatTheyForbid keeps the rules honest: each row is an import that must be refused or
// let through.
func TestRulesCatchWhatTheyForbid(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, from, to string
		refused        bool
	}{
		{"a contract must not import a service", "api/component", "services/user", true},
		{"a contract may import a contract", "api/client", "api/gen/parley/user/v1", false},
		{"a proto must not import Kubernetes", "api/gen/parley/user/v1", "k8s.io/api/core/v1", true},
		{"shared code must not import a service", "services/internal/outbox", "services/message", true},
		{"shared code must not import a sibling that is not listed", "services/internal/fault", "services/internal/broker", true},
		{"shared code may import a listed sibling", "services/internal/ids", "services/internal/fault", false},
		{"a service must not import another", "services/friend/upstream", "services/user", true},
		{"a domain package must not import SQL", "services/message", "database/sql", true},
		{"a domain package must not import Connect", "services/message", "connectrpc.com/connect", true},
		{"a domain package must not import generated code", "services/message", "api/gen/parley/message/v1", true},
		{"a domain package may import ids", "services/message", "services/internal/ids", false},
		{"an adapter must not import its neighbour", "services/message/connectapi", "services/message/sqlstore", true},
		{"an adapter may import its domain", "services/message/connectapi", "services/message", false},
		{"adapters may import the protos that they share", "services/message/connectapi", "services/message/wire", false},
		{"the protos that adapters share must not import an adapter", "services/message/wire", "services/message/sqlstore", true},
		{"server may import adapters", "services/message/server", "services/message/sqlstore", false},
		{"an adapter must not import server", "services/message/connectapi", "services/message/server", true},
		{"dev may import servers", "services/dev", "services/message/server", false},
		{"main may import servers", "services", "services/message/server", false},
		{"a service must not import Kubernetes", "services/gateway/server", "k8s.io/client-go/kubernetes", true},
		{"one package may watch EndpointSlices", "services/internal/ring/endpointslices", "k8s.io/client-go/kubernetes", false},
		{"a service must not read the manifest", "services/gateway/server", "api/v1alpha1", true},
		{"dev may read the manifest", "services/dev", "api/v1alpha1", false},
		{"a command must not import a service", "services/cli", "services/internal/ids", true},
		{"a command may import the client", "services/cli", "api/client", false},
		{"the operator must not import services", "controllers/chatcluster", "services/internal/ring", true},
		{"the plugin may use generated code", "controllers/kubectl-parley", "api/gen/parley/user/v1", false},
		{"a builder must not open files", "controllers/internal/manifest", "os", true},
		{"production code must not import doubles", "services/message/server", "services/message/messagetest", true},
		{"production code must not import testing", "services/message", "testing", true},
		{"nobody decodes WebP", "services/internal/picture", "golang.org/x/image/webp", true},
		{"pictures may be scaled", "services/internal/picture", "golang.org/x/image/draw", false},
		{"doubles may import testing", "services/message/messagetest", "testing", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			refused := false
			for _, r := range rules() {
				refused = refused || r.applies(row.from) && r.forbids(row.from, row.to)
			}
			if refused != row.refused {
				t.Errorf("%s → %s: refused %v, want %v", row.from, row.to, refused, row.refused)
			}
		})
	}
}

func TestPackageNamesSaySomething(t *testing.T) {
	t.Parallel()
	banned := map[string]string{
		"util": "says nothing", "utils": "says nothing", "common": "says nothing", "helper": "says nothing",
		"helpers": "says nothing", "base": "says nothing", "misc": "says nothing", "shared": "says nothing",
		"types": "says nothing", "lib": "says nothing",
		"errors": "hides the standard library's", "time": "hides the standard library's",
		"http": "hides the standard library's", "context": "hides the standard library's",
		"log": "hides the standard library's", "strings": "hides the standard library's", "sync": "hides the standard library's",
	}
	for _, p := range packages(t) {
		if why, ok := banned[p.Name]; ok {
			t.Errorf("package name %q of %s %s: name it after what it holds", p.Name, p.rel(), why)
		}
		last := p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:]
		if p.Name != "main" && p.Name != last && !isVersion(last) && !below(p.rel(), "api/gen") {
			t.Errorf("package %s lies in folder %s: folder and package have one name", p.Name, p.rel())
		}
	}
}

func isVersion(name string) bool {
	return len(name) > 1 && name[0] == 'v' && name[1] >= '0' && name[1] <= '9'
}
