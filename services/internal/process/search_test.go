// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
)

func TestTheIndexIsReadFromItsBinding(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		files, environ, want map[string]string
	}{
		"host and user": {
			files: map[string]string{"host": "search", "username": "u", "password": "p"},
			want:  map[string]string{"URL": "https://search:9200", "USERNAME": "u", "PASSWORD": "p"},
		},
		"uri without TLS": {
			files:   map[string]string{"uri": "http://u:p@search:9201", "type": "elasticsearch"},
			environ: map[string]string{"PARLEY_ELASTICSEARCH_TLS": "Disabled"},
			want:    map[string]string{"URL": "http://search:9201", "USERNAME": "u", "PASSWORD": "p"},
		},
		"a key": {
			files: map[string]string{"host": "search", "port": "443", "api-key": "k"},
			want:  map[string]string{"URL": "https://search:443", "API_KEY": "k"},
		},
		"a variable wins": {
			files:   map[string]string{"host": "search", "api-key": "k"},
			environ: map[string]string{"PARLEY_ELASTICSEARCH_URL": "https://other:9200"},
			want:    map[string]string{"URL": "https://other:9200"},
		},
		"nothing": {want: map[string]string{}},
	} {
		files := map[string]string{}
		for entry, value := range row.files {
			files["elasticsearch/"+entry] = value
		}
		environ := map[string]string{component.EnvBindingRoot: writeBinding(t, files)}
		maps.Copy(environ, row.environ)
		got, err := process.Complete(environ, component.Message)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, variable := range []string{"URL", "USERNAME", "PASSWORD", "API_KEY"} {
			if value := got["PARLEY_ELASTICSEARCH_"+variable]; value != row.want[variable] {
				t.Errorf("%s: %s is %q, want %q", name, variable, value, row.want[variable])
			}
		}
		if other, err := process.Complete(environ, component.Friend); err != nil || row.environ == nil && other["PARLEY_ELASTICSEARCH_URL"] != "" {
			t.Errorf("%s: the friend service has %q, %v", name, other["PARLEY_ELASTICSEARCH_URL"], err)
		}
	}
	for name, files := range map[string]map[string]string{
		"of something else": {"elasticsearch/type": "mysql", "elasticsearch/password": "hidden"},
		"without host":      {"elasticsearch/password": "hidden"},
		"a wrong uri":       {"elasticsearch/uri": "mysql://hidden@x"},
	} {
		environ := map[string]string{component.EnvBindingRoot: writeBinding(t, files)}
		if _, err := process.Complete(environ, component.Message); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
