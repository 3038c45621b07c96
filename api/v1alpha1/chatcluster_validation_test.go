// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// row is one of testdata/manifests.yaml.
type row struct {
	Name string    `json:"name"`
	Only string    `json:"only"`
	From *[]string `json:"from"`
	Set  []string  `json:"set"`
	Want []string  `json:"want"`
}

// TestManifests reads the same table as the test of the CRD on a real API server.
func TestManifests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/manifests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Rows []row `json:"rows"`
	}
	if err := yaml.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) < 80 {
		t.Fatalf("only %d rows", len(table.Rows))
	}
	for _, row := range table.Rows {
		cluster, err := chatv1alpha1.Decode([]byte(with(t, row.Set...)))
		if err != nil {
			t.Errorf("%s: %v", row.Name, err)
			continue
		}
		found := cluster.Validate()
		if row.From != nil {
			found = cluster.ValidateUpdate(decode(t, with(t, *row.From...)))
		}
		var got []string
		for _, problem := range found {
			got = append(got, problem.Path)
			if problem.Message == "" || strings.ContainsAny(problem.Error(), "\n") {
				t.Errorf("%s: message %q", row.Name, problem.Message)
			}
		}
		if diff := cmp.Diff(row.Want, got); diff != "" {
			t.Errorf("%s: %s", row.Name, diff)
		}
	}
}

func TestAMessageHoldsNoValue(t *testing.T) {
	t.Parallel()
	const canary = "Canary7731"
	cluster := decode(t, with(t, "metadata.name="+canary, "spec.version="+canary, "spec.logLevel="+canary,
		"spec.exposure.host="+canary, "spec.dependencies.mysql={secretRef: {name: "+canary+"}, databasePrefix: "+canary+"}",
		"spec.podTemplate.env=[{name: 'A B', value: "+canary+"}]"))
	found := cluster.Validate()
	if len(found) < 6 {
		t.Fatalf("found only %v", found)
	}
	if err := chatv1alpha1.Join(found); strings.Contains(err.Error(), canary) {
		t.Fatal(err)
	}
	if chatv1alpha1.Join(nil) != nil {
		t.Error("nothing wrong is an error")
	}
}

func TestSamplesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := decode(t, string(text)).Validate(); len(found) != 0 {
			t.Errorf("%s: %v", file, found)
		}
	}
}
