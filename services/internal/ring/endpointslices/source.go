// SPDX-License-Identifier: Apache-2.0

package endpointslices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/parley-chat/parley/services/internal/ring"
)

// namespaceFile is where a pod finds its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Options of New; Service and Logger are required.
type Options struct {
	// Service is the name of the headless Service.
	Service string
	// Namespace of the pod; empty: that of its service account volume.
	Namespace string
	// Config reaches the API server; nil: as a pod does.
	Config *rest.Config
	Logger *slog.Logger
}

// Source is a ring.Watched. It knows nothing until Run runs and the server has answered once.
type Source struct {
	*ring.StaticSource
	http      *http.Client
	reflector *cache.Reflector
	store     *store
}

var _ ring.Watched = (*Source)(nil)

// Find is the ring of a configuration: that of a Service, or, where none is named, the fixed one of some members.
func Find(o Options, members string) (ring.Source, error) {
	if o.Service == "" {
		fixed, err := ring.ParseMembers(members)
		if err != nil {
			return nil, fmt.Errorf("read ring members: %w", err)
		}
		return ring.Static(fixed...), nil
	}
	source, err := New(o)
	if err != nil {
		return nil, fmt.Errorf("watch the ring: %w", err)
	}
	return source, nil
}

// New reads the token and the namespace, and calls nobody. An error means that this is no pod, or that it
// has no token.
func New(o Options) (*Source, error) {
	config, namespace, err := locate(o)
	if err != nil {
		return nil, err
	}
	client, connections, err := newClient(config)
	if err != nil {
		return nil, fmt.Errorf("make client of the API server: %w", err)
	}
	s := &Source{StaticSource: ring.Static(), http: connections}
	s.store = &store{slices: map[string][]ring.Member{}, known: make(chan struct{}), tell: s.Set}
	listener := newListener(client, namespace, discoveryv1.LabelServiceName+"="+o.Service, o.Logger)
	silent := logr.Discard() // the listener says what matters
	s.reflector = cache.NewReflectorWithOptions(listener.listWatch(), &discoveryv1.EndpointSlice{}, s.store, cache.ReflectorOptions{
		Name: "ring", Logger: &silent,
		// Slower than this a gateway would not learn in time that the server is back.
		Backoff: &wait.Backoff{Duration: 500 * time.Millisecond, Cap: 10 * time.Second, Factor: 2, Jitter: 0.5, Steps: 5},
	})
	return s, nil
}

// Known is closed when the server has answered for the first time; the ring may be empty all the same.
func (s *Source) Known() <-chan struct{} { return s.store.known }

// Run lists and watches until ctx ends. It never fails because the server is away: then the view stays.
func (s *Source) Run(ctx context.Context) error {
	defer utilnet.CloseIdleConnectionsFor(s.http.Transport)
	s.reflector.RunWithContext(logr.NewContext(ctx, logr.Discard()))
	return nil
}

// locate finds the server and the namespace.
func locate(o Options) (*rest.Config, string, error) {
	if o.Service == "" {
		return nil, "", errors.New("the Service of the ring has no name")
	}
	config := o.Config
	if config == nil {
		own, err := rest.InClusterConfig()
		if err != nil {
			return nil, "", fmt.Errorf("find the API server: %w", err)
		}
		config = own
	}
	if o.Namespace != "" {
		return config, o.Namespace, nil
	}
	text, err := os.ReadFile(namespaceFile)
	if err != nil {
		return nil, "", fmt.Errorf("read the namespace: %w", err)
	}
	return config, strings.TrimSpace(string(text)), nil
}

// newClient makes a client that knows one kind; the whole API would cost each pod some megabytes.
func newClient(config *rest.Config) (rest.Interface, *http.Client, error) {
	scheme := runtime.NewScheme()
	if err := discoveryv1.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	metav1.AddToGroupVersion(scheme, metav1.Unversioned) // answers that are errors
	own := rest.CopyConfig(config)
	own.GroupVersion = &discoveryv1.SchemeGroupVersion
	own.APIPath = "/apis"
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	own.ContentType = runtime.ContentTypeProtobuf
	own.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	own.UserAgent = "parley-ring"
	connections, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, nil, err
	}
	client, err := rest.RESTClientForConfigAndClient(own, connections)
	return client, connections, err
}
