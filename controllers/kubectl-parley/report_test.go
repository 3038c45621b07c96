// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// canary stands for everything that must not leave the cluster. A number says where it was planted.
const canary = "c4n4ry-"

// plantedLog has a line of each kind that a log may hold.
func plantedLog() string {
	const ours = `{"time":"2026-11-25T09:59:00Z","level":"ERROR","component":"message",`
	return strings.Join([]string{
		ours + `"msg":"append failed","error":"dial tcp 10.0.0.9:3306: connect: connection refused","rows":3}`,
		ours + `"msg":"cannot connect","error":"open amqp://chat:c4n4ry-20@mq:5672/: access refused"}`,
		ours + `"msg":"cannot connect","error":"chat:c4n4ry-21@tcp(db:3306)/parley: bad connection"}`,
		ours + `"msg":"body refused","error":"cannot decode \"c4n4ry-22\": unexpected end","text":"c4n4ry-23"}`,
		ours + `"msg":"login refused","error":"password=c4n4ry-24 is wrong","user_id":"c4n4ry-25","headers":{"Authorization":"Bearer c4n4ry-26"}}`,
		ours + `"msg":"session panicked","cause":"c4n4ry-27","stack":"goroutine 7 [running]:\nmain.send(\"c4n4ry-28\")\n\t/src/services/message/send.go:42 +0x1d\n"}`,
		`{"msg":"c4n4ry-29","level":"INFO"}`,
		`panic: c4n4ry-30`,
		`goroutine 1 [running]:`,
		`main.send({0xc000012345, 0x10}, "c4n4ry-31")`,
		"\t/src/services/message/send.go:42 +0x1d",
		`SELECT * FROM messages WHERE body = 'c4n4ry-32'`,
	}, "\n") + "\n"
}

// planted are objects with a canary wherever people may write something.
func planted() string {
	return `
apiVersion: v1
kind: Secret
metadata: {name: demo-mysql, namespace: chat, labels: {app.kubernetes.io/instance: demo, app.kubernetes.io/managed-by: parley-operator}}
stringData: {password: c4n4ry-1}
---
apiVersion: v1
kind: Pod
metadata:
  name: demo-message-84cd5-7k2lq
  namespace: chat
  labels: {app.kubernetes.io/instance: demo, app.kubernetes.io/component: message, app.kubernetes.io/managed-by: parley-operator}
  annotations: {vault.example.com/agent: c4n4ry-2, chat.parley.dev/own: c4n4ry-3}
  managedFields: [{manager: c4n4ry-4}]
spec:
  initContainers: [{name: injected, env: [{name: VAULT_TOKEN, value: c4n4ry-5}]}]
  containers:
    - name: message
      env:
        - {name: PARLEY_MYSQL_DATABASE, value: parley_message}
        - {name: PARLEY_MYSQL_DSN, value: "mysql://chat:c4n4ry-6@db/parley"}
        - {name: PARLEY_RABBITMQ_URL, value: "amqp://chat:c4n4ry-7@mq/"}
        - {name: HTTP_TOKEN, value: c4n4ry-8}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: demo-message
  namespace: chat
  labels: {app.kubernetes.io/instance: demo, app.kubernetes.io/managed-by: parley-operator}
  annotations: {deployment.kubernetes.io/revision: "4", kubectl.kubernetes.io/last-applied-configuration: c4n4ry-9}
spec:
  selector: {}
  template:
    metadata: {annotations: {example.com/key: c4n4ry-10, chat.parley.dev/binding-hash: 3b1f}}
    spec: {containers: [{name: message, env: [{name: TZ, value: c4n4ry-11}]}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: other-x1, namespace: chat, labels: {app.kubernetes.io/instance: c4n4ry-12}}
addressType: IPv4
endpoints: []
---
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: other.1, namespace: chat}
regarding: {kind: Pod, name: somebody-else}
note: c4n4ry-13
---
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: demo.1, namespace: chat, annotations: {example.com/key: c4n4ry-14}}
regarding: {kind: ChatCluster, name: demo}
reason: Installed
note: version 0.2.0 serves
---
apiVersion: v1
kind: Service
metadata:
  name: demo-gateway
  namespace: chat
  labels: {app.kubernetes.io/instance: demo, app.kubernetes.io/managed-by: parley-operator}
  annotations: {lb.example.com/certificate: c4n4ry-15}
`
}

func TestReportHoldsNoSecretAndNoMessage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(planted()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newAPIServer(t, "ready.yaml")
	s.load(file)
	s.logs["demo-message-84cd5-7k2lq"] = plantedLog()
	cluster := s.objects["/apis/chat.parley.dev/v1alpha1/namespaces/chat/chatclusters/demo"]
	plant(t, cluster)

	out, files := report(t, s, "demo")
	for name, content := range files {
		if strings.Contains(content, canary) {
			t.Errorf("%s holds what must not leave the cluster:\n%s", name, content)
		}
	}
	for _, request := range s.requests {
		if strings.Contains(request, "/secrets") {
			t.Errorf("a Secret was read: %s", request)
		}
	}
	if !strings.Contains(out, fmt.Sprintf("holds %d files", len(files))) {
		t.Errorf("%d files, but it says %s", len(files), out)
	}
	for name, words := range map[string][]string{
		"chatcluster.yaml":                   {"databasePrefix", "reason: Reconciled", "TZ"},
		"deployments/demo-message.yaml":      {"binding-hash: 3b1f", `revision: "4"`},
		"pods/demo-message-84cd5-7k2lq.yaml": {"parley_message"},
		"events/demo.1.yaml":                 {"version 0.2.0 serves"},
		"services/demo-gateway.yaml":         {"left out"},
		"logs/demo-message-84cd5-7k2lq.log":  {"connection refused", `"rows":3`, "send.go:42", "access refused", "lines left out"},
	} {
		for _, word := range words {
			if !strings.Contains(files[name], word) {
				t.Errorf("%s does not say %q:\n%s", name, word, files[name])
			}
		}
	}
	wantGolden(t, "report-log", files["logs/demo-message-84cd5-7k2lq.log"])
}

// plant puts canaries into the spec and metadata of a ChatCluster.
func plant(t *testing.T, cluster *unstructured.Unstructured) {
	t.Helper()
	env := []any{map[string]any{"name": "TZ", "value": canary + "40"}}
	notes := map[string]any{"example.com/key": canary + "41"}
	template := map[string]any{"env": env, "annotations": notes}
	cluster.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": canary + "42", "example.com/x": canary + "43"})
	for _, part := range []struct {
		value any
		path  []string
	}{
		{template, []string{"spec", "podTemplate"}},
		{template, []string{"spec", "services", "gateway", "podTemplate"}},
		{template, []string{"spec", "services", "message", "podTemplate"}},
		{notes, []string{"spec", "exposure", "annotations"}},
		{notes, []string{"spec", "serviceAccounts", "annotations"}},
		{"parley", []string{"spec", "dependencies", "mysql", "databasePrefix"}},
	} {
		if err := unstructured.SetNestedField(cluster.Object, part.value, part.path...); err != nil {
			t.Fatal(err)
		}
	}
}

// report runs the command and answers what it printed, and the files of the bundle by name.
func report(t *testing.T, s *apiServer, args ...string) (string, map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.tar.gz")
	out := mustRun(t, s, append([]string{"report", "-f", path}, args...)...)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(zip)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out, files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if header.Mode != 0o600 {
			t.Errorf("%s has mode %o", header.Name, header.Mode)
		}
		files[header.Name] = string(content)
	}
}

func TestReportGoesOnWhereSomethingMayNotBeRead(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml", "deployments.yaml")
	s.forbidden = []string{"/pods", "/events"}
	_, files := report(t, s)
	if !strings.Contains(files["pods.error.txt"], "forbidden") || !strings.Contains(files["events.error.txt"], "forbidden") || files["deployments/demo-message.yaml"] == "" {
		t.Errorf("got %v", slices.Sorted(maps.Keys(files)))
	}
}

func TestReportOverwritesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, newAPIServer(t, "ready.yaml"), "support-bundle", "demo", "-f", path)
	if err == nil || !strings.Contains(err.Error(), "choose another file with -f") || read(t, path) != "mine" {
		t.Errorf("got %v", err)
	}
}
