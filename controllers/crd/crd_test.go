// SPDX-License-Identifier: Apache-2.0

// Package crd_test tries the generated CRD on a real API server.
package crd_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

const (
	crdFile = "../../config/crd/bases/chat.parley.dev_chatclusters.yaml"
	// sizeLimit keeps client-side apply working: its annotation ends at 256 KiB.
	sizeLimit = 250 << 10
)

// row is one of the table that the Go rules are tested with too.
type row struct {
	Name string    `json:"name"`
	Only string    `json:"only"`
	From *[]string `json:"from"`
	Set  []string  `json:"set"`
	Want []string  `json:"want"`
}

type table struct {
	Smallest map[string]any `json:"smallest"`
	Rows     []row          `json:"rows"`
}

func readTable(t *testing.T) table {
	t.Helper()
	text, err := os.ReadFile("../../api/v1alpha1/testdata/manifests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var read table
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Rows) < 80 {
		t.Fatalf("only %d rows", len(read.Rows))
	}
	return read
}

// manifest is the smallest one with some fields set.
func (r table) manifest(t *testing.T, lines []string) *unstructured.Unstructured {
	t.Helper()
	object := (&unstructured.Unstructured{Object: r.Smallest}).DeepCopy()
	for _, line := range lines {
		path, text, _ := strings.Cut(line, "=")
		fields := strings.Split(path, ".")
		if text == "" {
			unstructured.RemoveNestedField(object.Object, fields...)
			continue
		}
		wrapped := map[string]any{}
		js, err := yaml.YAMLToJSON([]byte("value: " + text))
		if err == nil {
			err = json.Unmarshal(js, &wrapped) // whole numbers become int64
		}
		if err == nil {
			err = unstructured.SetNestedField(object.Object, wrapped["value"], fields...)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	return object
}

// start runs a kube-apiserver and an etcd with the CRD until the test ends.
func start(t *testing.T) client.Client {
	t.Helper()
	_, config := apiservertest.Start(t, crdFile)
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestManifestsOnTheServer(t *testing.T) {
	t.Parallel()
	read := readTable(t)
	c := start(t)
	for i, row := range read.Rows {
		if row.Only == "go" {
			continue
		}
		object := read.manifest(t, row.Set)
		strict := client.FieldValidation(metav1.FieldValidationStrict)
		if row.From == nil {
			check(t, row, c.Create(t.Context(), object, client.DryRunAll, strict))
			continue
		}
		name := fmt.Sprintf("row-%d", i)
		old := read.manifest(t, *row.From)
		old.SetName(name)
		if err := c.Create(t.Context(), old); err != nil {
			t.Errorf("%s: the old one: %v", row.Name, err)
			continue
		}
		object.SetName(name)
		object.SetResourceVersion(old.GetResourceVersion())
		check(t, row, c.Update(t.Context(), object, strict))
	}
}

// check wants a refusal that names the field, what is above it or below it.
func check(t *testing.T, row row, err error) {
	t.Helper()
	if len(row.Want) == 0 || err == nil {
		if len(row.Want) != 0 || err != nil {
			t.Errorf("%s: got %v, want refused %v", row.Name, err, row.Want)
		}
		return
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Reason != metav1.StatusReasonInvalid {
		t.Errorf("%s: %v", row.Name, err)
		return
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == "<nil>" && row.Want[0] == "metadata.name" { // a rule of the whole object
			return
		}
		if strings.HasPrefix(cause.Field, row.Want[0]) || strings.HasPrefix(row.Want[0], cause.Field) {
			return
		}
	}
	t.Errorf("%s: %v does not name %s", row.Name, err, row.Want[0])
}

func TestSizeOfTheCRD(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(crdFile)
	if err != nil {
		t.Fatal(err)
	}
	js, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(js))
	if len(js) > sizeLimit {
		t.Errorf("%d bytes of JSON, more than %d", len(js), sizeLimit)
	}
}

func TestSamplesOnTheServer(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	c := start(t)
	for _, file := range append(files, "testdata/production.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &object.Object); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace("default")
		if err := c.Create(t.Context(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestScale does what kubectl scale does.
func TestScale(t *testing.T) {
	t.Parallel()
	read := readTable(t)
	c := start(t)
	object := read.manifest(t, []string{"spec.profile=Production", "spec.exposure.host=chat.example.com"})
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	scale := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "autoscaling/v1", "kind": "Scale"}}
	if err := c.SubResource("scale").Get(t.Context(), object, scale); err != nil {
		t.Fatal(err)
	}
	if got, _, err := unstructured.NestedInt64(scale.Object, "spec", "replicas"); err != nil || got != 2 {
		t.Fatalf("the default is %d, %v", got, err)
	}
	to := func(replicas int) error {
		patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
		return c.SubResource("scale").Patch(t.Context(), object, patch)
	}
	if err := to(6); err != nil {
		t.Fatal(err)
	}
	for _, replicas := range []int{1, 0} {
		if err := to(replicas); err == nil || !strings.Contains(err.Error(), "Production needs services.gateway.replicas of at least 2") {
			t.Errorf("scaled to %d: %v", replicas, err)
		}
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	if got, _, err := unstructured.NestedInt64(object.Object, "spec", "services", "gateway", "replicas"); err != nil || got != 6 {
		t.Errorf("the spec says %d, %v", got, err)
	}
}
