// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// resource is a kind that the recorded API server knows.
type resource struct{ group, version, plural, kind string }

func resources() []resource {
	return []resource{
		{"", "v1", "pods", "Pod"},
		{"", "v1", "services", "Service"},
		{"", "v1", "secrets", "Secret"},
		{"apps", "v1", "deployments", "Deployment"},
		{"apps", "v1", "replicasets", "ReplicaSet"},
		{"batch", "v1", "jobs", "Job"},
		{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"},
		{"events.k8s.io", "v1", "events", "Event"},
		{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"},
		{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"},
		{"chat.parley.dev", "v1alpha1", "chatclusters", "ChatCluster"},
	}
}

func (r resource) apiVersion() string { return strings.TrimPrefix(r.group+"/"+r.version, "/") }

func (r resource) path(namespace, name string) string {
	base := "/apis/" + r.apiVersion()
	if r.group == "" {
		base = "/api/" + r.version
	}
	return strings.TrimSuffix(base+"/namespaces/"+namespace+"/"+r.plural+"/"+name, "/")
}

// apiServer answers from recorded objects, as an API server answers: discovery, get, list by label, merge
// patch, create, delete, eviction, logs and port forwards.
type apiServer struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex // guards all below
	objects map[string]*unstructured.Unstructured
	// without are groups that are not installed; forbidden are path suffixes that nobody may use.
	without, forbidden []string
	// status is what pods answer at /statusz, one answer after the other; the last one stays. A pod without
	// one does not answer.
	status map[string][]component.Status
	// logs of pods.
	logs map[string]string
	// budget is how many evictions are allowed; evicted pods go with their last status.
	budget  int
	evicted map[string]bool
	// readOnly refuses every write.
	readOnly bool
	// search is what a ChatCluster that was annotated has in its status, one after the other; the last one stays.
	search []chatv1alpha1.SearchStatus
	// conflicts is how many patches come too late.
	conflicts int
	// jobEnds is the type of the condition that a created Job gets.
	jobEnds string
	// requests are all that were made, without discovery.
	requests []string
	created  []*unstructured.Unstructured
}

func newAPIServer(t *testing.T, files ...string) *apiServer {
	t.Helper()
	s := &apiServer{t: t, objects: map[string]*unstructured.Unstructured{}, status: map[string][]component.Status{}, logs: map[string]string{}, evicted: map[string]bool{}, jobEnds: "Complete"}
	for _, file := range files {
		s.load(filepath.Join("testdata", file))
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) load(file string) {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.t.Fatalf("%s: %v", file, err)
		}
		s.add(object)
	}
}

func (s *apiServer) add(object *unstructured.Unstructured) {
	s.t.Helper()
	for _, r := range resources() {
		if r.kind == object.GetKind() && r.apiVersion() == object.GetAPIVersion() {
			s.objects[r.path(object.GetNamespace(), object.GetName())] = object
			return
		}
	}
	s.t.Fatalf("the recorded API server has no %s", object.GroupVersionKind())
}

// kubeconfig that leads here, with namespace chat.
func (s *apiServer) kubeconfig() string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test,
clusters: [{name: test, cluster: {server: %q}}],
users: [{name: test, user: {token: none}}],
contexts: [{name: test, context: {cluster: test, user: test, namespace: chat}}]}`, s.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	if s.discover(w, r) {
		return
	}
	pod, isForward := strings.CutSuffix(r.URL.Path, "/portforward")
	if isForward {
		s.forward(w, r, pod[strings.LastIndex(pod, "/")+1:])
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	if s.readOnly && r.Method != http.MethodGet || slices.ContainsFunc(s.forbidden, func(suffix string) bool { return strings.HasSuffix(r.URL.Path, suffix) }) {
		refuse(w, http.StatusForbidden, "Forbidden", r.URL.Path+` is forbidden: User "li" cannot do that`)
		return
	}
	switch r.Method {
	case http.MethodGet:
		s.get(w, r)
	case http.MethodPost:
		s.post(w, r)
	case http.MethodPatch:
		s.patch(w, r)
	case http.MethodDelete:
		delete(s.objects, r.URL.Path)
		answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	}
}

func (s *apiServer) discover(w http.ResponseWriter, r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/api":
		answer(w, map[string]any{"kind": "APIVersions", "versions": []string{"v1"}})
	case path == "/apis":
		var groups []any
		for _, r := range s.installed() {
			if r.group != "" {
				version := map[string]any{"groupVersion": r.apiVersion(), "version": r.version}
				groups = append(groups, map[string]any{"name": r.group, "versions": []any{version}, "preferredVersion": version})
			}
		}
		answer(w, map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
	case strings.Contains(path, "/namespaces/"):
		return false
	default:
		version := strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
		list := []any{}
		for _, r := range s.installed() {
			if r.apiVersion() == version {
				list = append(list, map[string]any{"name": r.plural, "kind": r.kind, "namespaced": true, "verbs": []string{"get", "list"}})
			}
		}
		if len(list) == 0 {
			refuse(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
			return true
		}
		answer(w, map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list})
	}
	return true
}

func (s *apiServer) installed() []resource {
	return slices.DeleteFunc(resources(), func(r resource) bool { return slices.Contains(s.without, r.group) })
}

func (s *apiServer) get(w http.ResponseWriter, r *http.Request) {
	if object, ok := s.objects[r.URL.Path]; ok {
		s.finish(r.URL.Path, object)
		answer(w, object.Object)
		return
	}
	if pod, ok := strings.CutSuffix(r.URL.Path, "/log"); ok {
		_, _ = io.WriteString(w, s.logs[pod[strings.LastIndex(pod, "/")+1:]])
		return
	}
	for _, known := range resources() {
		if strings.HasSuffix(r.URL.Path, "/"+known.plural) {
			s.list(w, r, known)
			return
		}
	}
	refuse(w, http.StatusNotFound, "NotFound", r.URL.Path+" not found")
}

// finish ends a Job that is looked at, and takes a pod away that was evicted and has no sessions left.
func (s *apiServer) finish(path string, object *unstructured.Unstructured) {
	switch object.GetKind() {
	case "Job":
		condition := map[string]any{"type": s.jobEnds, "status": "True"}
		object.Object["status"] = map[string]any{"conditions": []any{condition}}
	case "ChatCluster":
		s.rebuild(object)
	case "Pod":
		if name := object.GetName(); s.evicted[name] && len(s.status[name]) <= 1 {
			delete(s.objects, path)
		}
	}
}

// rebuild moves the status of a ChatCluster on whose rebuild was asked for.
func (s *apiServer) rebuild(object *unstructured.Unstructured) {
	request := object.GetAnnotations()[chatv1alpha1.AnnotationReindex]
	if request == "" || len(s.search) == 0 {
		return
	}
	next := s.search[0]
	if len(s.search) > 1 {
		s.search = s.search[1:]
	}
	next.Request = request
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&next)
	if err == nil {
		err = unstructured.SetNestedMap(object.Object, content, "status", "search")
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, known resource) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	items := []any{}
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		object := s.objects[path]
		if strings.HasPrefix(path, r.URL.Path+"/") && selector.Matches(labels.Set(object.GetLabels())) {
			items = append(items, object.Object)
		}
	}
	answer(w, map[string]any{"kind": known.kind + "List", "apiVersion": known.apiVersion(), "metadata": map[string]any{}, "items": items})
}

func (s *apiServer) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if pod, ok := strings.CutSuffix(r.URL.Path, "/eviction"); ok {
		if s.budget == 0 {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
			return
		}
		s.budget--
		s.evicted[pod[strings.LastIndex(pod, "/")+1:]] = true
		answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Success"})
		return
	}
	typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil) // clients write protobuf
	if err != nil {
		s.t.Error(err)
		return
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		s.t.Error(err)
		return
	}
	object := &unstructured.Unstructured{Object: content}
	s.created = append(s.created, object.DeepCopy())
	s.objects[r.URL.Path+"/"+object.GetName()] = object
	if object.GetKind() == "Job" {
		name := object.GetName() + "-x1"
		metadata := map[string]any{"namespace": object.GetNamespace(), "name": name, "labels": map[string]any{"job-name": object.GetName()}}
		pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
		s.objects["/api/v1/namespaces/"+object.GetNamespace()+"/pods/"+name] = &unstructured.Unstructured{Object: pod}
		s.logs[name] = s.logs["doctor"]
	}
	answer(w, object.Object)
}

// patch merges annotations, which is all that may be patched.
func (s *apiServer) patch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if s.conflicts > 0 {
		s.conflicts--
		refuse(w, http.StatusConflict, "Conflict", "the object has been modified")
		return
	}
	var patch struct {
		Metadata struct {
			Annotations     map[string]string `json:"annotations"`
			ResourceVersion string            `json:"resourceVersion"`
		} `json:"metadata"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	object := s.objects[r.URL.Path]
	if err := decoder.Decode(&patch); err != nil || object == nil {
		s.t.Errorf("%s: a patch of something else than annotations: %s: %v", r.URL.Path, body, err)
		return
	}
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, patch.Metadata.Annotations)
	object.SetAnnotations(annotations)
	answer(w, object.Object)
}

// forward serves one port forward to a pod that answers /statusz.
func (s *apiServer) forward(w http.ResponseWriter, r *http.Request, pod string) {
	s.mu.Lock()
	_, answers := s.status[pod]
	s.mu.Unlock()
	if !answers {
		refuse(w, http.StatusInternalServerError, "InternalError", "the pod does not run")
		return
	}
	ops := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		said := s.status[pod][0]
		if len(s.status[pod]) > 1 {
			s.status[pod] = s.status[pod][1:]
		}
		answer(w, said)
	}))
	defer ops.Close()
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		s.t.Error(err)
		return
	}
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
			return nil
		}
		go splice(stream, ops.Listener.Addr().String())
		return nil
	})
	if connection != nil {
		<-connection.CloseChan()
	}
}

func splice(stream httpstream.Stream, address string) {
	defer stream.Close()
	pod, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(pod, stream)
		_ = pod.Close()
	}()
	_, _ = io.Copy(stream, pod)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
