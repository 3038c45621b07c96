// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// measured is the part of a metric of kube-state-metrics that has paths.
type measured struct {
	Path           []string            `json:"path"`
	ValueFrom      []string            `json:"valueFrom"`
	LabelsFromPath map[string][]string `json:"labelsFromPath"`
}

type stateMetrics struct {
	Spec struct {
		Resources []struct {
			Prefix         string              `json:"metricNamePrefix"`
			LabelsFromPath map[string][]string `json:"labelsFromPath"`
			Metrics        []struct {
				Name, Help string
				Each       map[string]any
			} `json:"metrics"`
		} `json:"resources"`
	} `json:"spec"`
}

// TestStateMetricsReadFieldsThatExist follows every path through the schema of the kind: kube-state-metrics
// would leave out silently what it does not find.
func TestStateMetricsReadFieldsThatExist(t *testing.T) {
	t.Parallel()
	var config stateMetrics
	readYAML(t, "../../config/prometheus/kube-state-metrics.yaml", &config)
	resource, root := config.Spec.Resources[0], schema(t)
	name := regexp.MustCompile(`^parley_chatcluster_[a-z]+(_[a-z]+)*$`)
	for _, metric := range resource.Metrics {
		if full := resource.Prefix + "_" + metric.Name; !name.MatchString(full) || metric.Help == "" {
			t.Errorf("%q has no good name or no help", full)
		}
		kind := fmt.Sprint(metric.Each["type"])
		text, err := yaml.Marshal(metric.Each[strings.ToLower(kind[:1])+kind[1:]])
		var m measured
		if err == nil {
			err = yaml.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		at := follow(root, m.Path)
		paths := [][]string{m.ValueFrom}
		for _, path := range m.LabelsFromPath {
			paths = append(paths, path)
		}
		for _, path := range paths {
			if follow(at, path) == nil {
				t.Errorf("%s: the kind has no field %v below %v", metric.Name, path, m.Path)
			}
		}
	}
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// schema of the kind as a tree.
func schema(t *testing.T) map[string]any {
	t.Helper()
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					Tree map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	readYAML(t, crdFolder+"/chat.parley.dev_chatclusters.yaml", &crd)
	return crd.Spec.Versions[0].Schema.Tree
}

// follow goes down fields, and from a list to its elements; nil when there is no such field.
func follow(at map[string]any, path []string) map[string]any {
	if items, ok := at["items"].(map[string]any); ok {
		at = items
	}
	for _, field := range path {
		if items, ok := at["items"].(map[string]any); ok {
			at = items
		}
		properties, _ := at["properties"].(map[string]any)
		at, _ = properties[field].(map[string]any)
	}
	return at
}
