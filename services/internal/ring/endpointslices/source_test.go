// SPDX-License-Identifier: Apache-2.0

package endpointslices_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/ring/endpointslices"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newSlice(name string, seats map[string]string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "chat", ResourceVersion: "1", Labels: map[string]string{discoveryv1.LabelServiceName: "acme-gateway-ring"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for hostname, uid := range seats {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, Hostname: &hostname,
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "pod-" + uid, UID: types.UID(uid)},
		})
	}
	return s
}

// server is a little API server: one list, and watches that get what is sent.
type server struct {
	mu      sync.Mutex // guards everything below
	away    bool
	refused chan struct{} // has a place that is filled when somebody was sent away
	list    discoveryv1.EndpointSliceList
	changes chan metav1.WatchEvent
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	away, list := s.away, s.list
	s.mu.Unlock()
	q := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case away:
		select {
		case s.refused <- struct{}{}:
		default:
		}
		http.Error(w, "away", http.StatusServiceUnavailable)
	case r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/chat/endpointslices" || q.Get("labelSelector") != "kubernetes.io/service-name=acme-gateway-ring":
		http.NotFound(w, r)
	case q.Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity,
		})
	case q.Get("watch") != "":
		s.watch(w, r)
	default:
		_ = json.NewEncoder(w).Encode(list)
	}
}

func (s *server) watch(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	s.mu.Lock()
	changes := s.changes
	s.mu.Unlock()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, ok := <-changes:
			if !ok {
				return
			}
			_ = json.NewEncoder(w).Encode(e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func newServer(t *testing.T, slices ...*discoveryv1.EndpointSlice) (*server, *rest.Config) {
	t.Helper()
	s := &server{changes: make(chan metav1.WatchEvent), refused: make(chan struct{}, 1)}
	s.list.TypeMeta = metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSliceList"}
	s.list.ResourceVersion = "1"
	for _, slice := range slices {
		s.list.Items = append(s.list.Items, *slice)
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, &rest.Config{Host: h.URL}
}

// start runs a source until the end of the test.
func start(t *testing.T, config *rest.Config) *endpointslices.Source {
	t.Helper()
	return startWith(t, config, slog.New(slog.DiscardHandler))
}

func startWith(t *testing.T, config *rest.Config, logger *slog.Logger) *endpointslices.Source {
	t.Helper()
	source, err := endpointslices.New(endpointslices.Options{
		Service: "acme-gateway-ring", Namespace: "chat", Config: config, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return source
}

// await waits until the view is as wanted.
func await(t *testing.T, source ring.Source, what string, want func([]ring.Member) bool) {
	t.Helper()
	end := time.After(patience)
	for {
		changed := source.Changed()
		got := source.View().Members()
		if want(got) {
			return
		}
		select {
		case <-changed:
		case <-end:
			t.Fatalf("%s: have %+v", what, got)
		}
	}
}

func count(n int) func([]ring.Member) bool {
	return func(m []ring.Member) bool { return len(m) == n }
}

func TestTheRingFollowsTheSlices(t *testing.T) {
	t.Parallel()
	s, config := newServer(t, newSlice("one", map[string]string{"seat-0": "a"}))
	source := start(t, config)
	await(t, source, "the list", count(1))
	select {
	case <-source.Known():
	case <-time.After(patience):
		t.Fatal("a list was heard, but nothing is known")
	}
	s.send(t, "ADDED", newSlice("two", map[string]string{"seat-1": "b"}), "2")
	await(t, source, "a new slice", count(2))
	s.send(t, "MODIFIED", newSlice("two", map[string]string{"seat-1": "b", "seat-2": "c"}), "3")
	await(t, source, "a changed slice", count(3))
	s.send(t, "DELETED", newSlice("two", nil), "4")
	await(t, source, "a slice that is gone", count(1))
}

func (s *server) send(t *testing.T, kind string, slice *discoveryv1.EndpointSlice, version string) {
	t.Helper()
	slice.ResourceVersion = version
	raw, err := json.Marshal(slice)
	if err != nil {
		t.Fatal(err)
	}
	e := metav1.WatchEvent{Type: kind}
	e.Object.Raw = raw
	select {
	case s.changes <- e:
	case <-time.After(patience):
		t.Fatal("nobody watches")
	}
}

func TestTheViewOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s, config := newServer(t, newSlice("one", map[string]string{"seat-0": "a"}))
	source := start(t, config)
	await(t, source, "the list", count(1))
	s.mu.Lock()
	s.away = true
	close(s.changes) // all watches end
	s.changes = make(chan metav1.WatchEvent)
	s.mu.Unlock()
	select {
	case <-s.refused:
	case <-time.After(patience):
		t.Fatal("nobody asks")
	}
	if n := len(source.View().Members()); n != 1 {
		t.Fatalf("%d members while the server is away, want the last one", n)
	}
	s.mu.Lock()
	s.away = false
	s.mu.Unlock()
	s.send(t, "ADDED", newSlice("two", map[string]string{"seat-1": "b"}), "2")
	await(t, source, "the server is back", count(2))
}

func TestAServerThatIsAwayIsNoError(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	said := make(said, 10)
	source := startWith(t, &rest.Config{Host: "http://" + address}, slog.New(slog.NewTextHandler(said, nil)))
	select {
	case line := <-said:
		if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "connection refused") {
			t.Errorf("the log says %q", line)
		}
	case <-time.After(patience):
		t.Error("nobody learns that the server is away")
	}
	select {
	case <-source.Known():
		t.Error("nobody answered, yet the ring is known")
	default:
	}
}

// said is a log.
type said chan string

func (s said) Write(line []byte) (int, error) {
	select {
	case s <- string(line):
	default:
	}
	return len(line), nil
}

func TestNoPodNoRing(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]endpointslices.Options{
		"no service":   {Config: &rest.Config{Host: "http://127.0.0.1:1"}, Namespace: "chat"},
		"no cluster":   {Service: "acme-gateway-ring", Namespace: "chat"},
		"no namespace": {Service: "acme-gateway-ring", Config: &rest.Config{Host: "http://127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Logger = slog.New(slog.DiscardHandler)
			if _, err := endpointslices.New(o); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}
