// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxManifestBytes is what etcd takes of one object, and bounds the work for a wrong file.
const maxManifestBytes = 1 << 20

// Decode reads the one ChatCluster of a YAML or JSON manifest. Documents of other kinds, for example
// the Secrets that it names, are skipped. It is strict: an unknown field, a field that is there twice
// and a value of another type are errors. Every error is one line that names the field. Defaults are
// not filled in and rules are not checked: see WithDefaults and Validate.
func Decode(manifest []byte) (*ChatCluster, error) {
	if len(manifest) > maxManifestBytes {
		return nil, fmt.Errorf("the manifest has %d bytes, more than %d", len(manifest), maxManifestBytes)
	}
	var found *ChatCluster
	var skipped error
	for _, document := range split(manifest) {
		cluster, err := decodeDocument(document)
		var other *otherKindError
		switch {
		case errors.As(err, &other):
			skipped = err
		case err != nil:
			return nil, err
		case cluster != nil && found != nil:
			return nil, errors.New("the manifest holds more than one ChatCluster: keep one per file")
		case cluster != nil:
			found = cluster
		}
	}
	if found == nil && skipped != nil {
		return nil, skipped
	}
	if found == nil {
		return nil, fmt.Errorf("the manifest is empty: it must hold a %s of %s", Kind, APIVersion)
	}
	return found, nil
}

// split cuts a stream into documents. Each keeps its place by leading empty lines, so that the line
// numbers of errors are those of the file.
func split(manifest []byte) []string {
	text := strings.TrimPrefix(string(manifest), "\ufeff")
	var documents []string
	var current strings.Builder
	lines := 0
	for line := range strings.Lines(text) {
		lines++
		if mark := strings.TrimRight(line, " \t\r\n"); mark == "---" || mark == "..." {
			documents = append(documents, current.String())
			current.Reset()
			current.WriteString(strings.Repeat("\n", lines))
			continue
		}
		current.WriteString(line)
	}
	return append(documents, current.String())
}

// otherKindError says that a document is something else.
type otherKindError struct{ apiVersion, kind string }

func (e *otherKindError) Error() string {
	if e.kind == Kind && e.apiVersion != APIVersion {
		return fmt.Sprintf("apiVersion: it is %s, this program reads %s", strconv.Quote(e.apiVersion), APIVersion)
	}
	return fmt.Sprintf("kind: the manifest holds a %s, it must hold a %s of %s", strconv.Quote(e.kind), Kind, APIVersion)
}

// decodeDocument answers nil for a document without content.
func decodeDocument(document string) (*ChatCluster, error) {
	text, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return nil, yamlError(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: %w", err)
	}
	if tree == nil {
		return nil, nil //nolint:nilnil // a document of comments only
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, errors.New("the manifest is not a YAML mapping: it must start with apiVersion and kind")
	}
	if err := checkKind(root); err != nil {
		return nil, err
	}
	var cluster ChatCluster
	if err := checkTree("", reflect.TypeOf(cluster), root); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &cluster); err != nil {
		return nil, fmt.Errorf("the manifest cannot be read: %w", err)
	}
	return &cluster, nil
}

func checkKind(root map[string]any) error {
	kind, isText := root["kind"].(string)
	if !isText {
		return errors.New("kind: it is missing, write kind: " + Kind)
	}
	version, isText := root["apiVersion"].(string)
	if !isText {
		return errors.New("apiVersion: it is missing, write apiVersion: " + APIVersion)
	}
	if kind != Kind || version != APIVersion {
		return &otherKindError{apiVersion: version, kind: kind}
	}
	return nil
}

// yamlError makes one line of the library's several.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	text = strings.TrimPrefix(text, "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:")
	text = strings.ReplaceAll(text, "already set in map", "is there twice")
	return errors.New("the manifest is not YAML: " + strings.Join(strings.Fields(text), " "))
}
