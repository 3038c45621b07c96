// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

func TestIndices(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		entries map[string]string
		suffix  string // empty: bound
		says    string
		port    int32
	}{
		"host and user":       {entries: map[string]string{"host": "search", "username": "u", "password": "hidden"}},
		"host and key":        {entries: map[string]string{"host": "search", "port": "9243", "api-key": "hidden"}, port: 9243},
		"uri":                 {entries: map[string]string{"uri": "https://u:hidden@search:9201"}, port: 9201},
		"uri and key":         {entries: map[string]string{"uri": "https://search", "api-key": "hidden"}},
		"nothing but a host":  {entries: map[string]string{"host": "search"}, suffix: "KeyMissing", says: `"username"`},
		"no host":             {entries: map[string]string{"api-key": "hidden"}, suffix: "KeyMissing", says: `"host"`},
		"a user alone":        {entries: map[string]string{"host": "search", "username": "hidden"}, suffix: "KeyMissing", says: `"password"`},
		"of another kind":     {entries: map[string]string{"type": "opensearch", "host": "search", "api-key": "hidden"}, suffix: "Invalid", says: "must be elasticsearch"},
		"a uri of no index":   {entries: map[string]string{"uri": "amqp://u:hidden@search"}, suffix: "Invalid", says: "https://username:password@host:port"},
		"certificates of air": {entries: map[string]string{"host": "search", "api-key": "hidden", "ca.crt": "air"}, suffix: "Invalid", says: "PEM"},
	} {
		data := map[string][]byte{}
		for entry, value := range row.entries {
			data[entry] = []byte(value)
		}
		bound, problem := binding.Parse(component.Elasticsearch, "acme-search", data, nil)
		switch {
		case row.suffix == "" && problem != nil:
			t.Errorf("%s: %+v", name, problem)
		case row.suffix == "" && bound.Binding.Port != row.port:
			t.Errorf("%s: port %d", name, bound.Binding.Port)
		case row.suffix != "" && (problem == nil || problem.Suffix != row.suffix || !strings.Contains(problem.Message, row.says)):
			t.Errorf("%s: %+v, want %s that says %s", name, problem, row.suffix, row.says)
		case problem != nil && strings.Contains(problem.Message, "hidden"):
			t.Errorf("%s: shows a value: %s", name, problem.Message)
		}
	}
}
