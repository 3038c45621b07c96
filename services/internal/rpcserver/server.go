// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/identity"
)

// Options of a server. All fields are required but Bounds, Denied, Registerer and Now.
type Options struct {
	// Component is the audience that a caller must have meant.
	Component component.Name
	// Keys check who calls.
	Keys identity.Keys
	// Logger gets one line per internal error.
	Logger *slog.Logger
	// Bounds of methods that are not like others, by procedure.
	Bounds map[string]Bounds
	// Denied hears of calls of LEVEL_ADMIN methods that a user was refused, for the audit log; may be nil.
	Denied func(ctx context.Context, procedure string)
	// Registerer takes the metrics; nil keeps none. Two servers may share one.
	Registerer prometheus.Registerer
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Server holds the services of one component. Mount before the first call; all else is safe for
// concurrent use.
type Server struct {
	component component.Name
	keys      identity.Keys
	logger    *slog.Logger
	now       func() time.Time
	denied    func(ctx context.Context, procedure string)
	metrics   *metrics
	rules     map[string]access // by procedure, for every method that is linked in
	bounds    map[string]bounds // by procedure
	validator protovalidate.Validator
	errors    *connect.ErrorWriter
	services  map[string]http.Handler // by "/<service>/"
	bytes     []string                // paths of requests that carry bytes
}

// New makes a server without services. It panics if a linked method has no access rule or if a
// validation rule cannot be compiled: such a program is broken.
func New(options Options) *Server {
	validator, err := protovalidate.New()
	if err != nil {
		panic(err)
	}
	now := options.Now
	if now == nil {
		now = time.Now
	}
	s := &Server{
		component: options.Component,
		keys:      options.Keys,
		logger:    options.Logger,
		now:       now,
		denied:    options.Denied,
		metrics:   newMetrics(options.Registerer),
		rules:     linkedRules(),
		bounds:    makeBounds(options.Bounds),
		validator: validator,
		services:  map[string]http.Handler{},
	}
	s.errors = connect.NewErrorWriter(s.codecs()...)
	return s
}

// HandlerOptions are for the constructors of generated handlers. All handlers of a server share them.
func (s *Server) HandlerOptions() []connect.HandlerOption {
	return append(s.codecs(),
		connect.WithReadMaxBytes(s.largest()),
		connect.WithCompressMinBytes(compressMinBytes),
		connect.WithInterceptors(interceptor{s}),
	)
}

func (s *Server) codecs() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithCodec(binaryCodec{}),
		connect.WithCodec(jsonCodec{name: "json"}),
		connect.WithCodec(jsonCodec{name: "json; charset=utf-8"}),
	}
}

// Mount adds a service: both values are what a generated constructor answers. It compiles the
// service's validation rules, so that no call pays for it.
func (s *Server) Mount(path string, handler http.Handler) {
	s.services[path] = handler
	name := protoreflect.FullName(strings.Trim(path, "/"))
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic("mount " + path + ": no such service is linked in")
	}
	service, ok := descriptor.(protoreflect.ServiceDescriptor)
	if !ok {
		panic("mount " + path + ": not a service")
	}
	for i := range service.Methods().Len() {
		s.warm(service.Methods().Get(i).Input().FullName())
	}
}

// warm makes the validator compile a message's rules; what an empty message breaks does not matter.
func (s *Server) warm(name protoreflect.FullName) {
	if message, err := protoregistry.GlobalTypes.FindMessageByName(name); err == nil {
		_ = s.validator.Validate(message.New().Interface())
	}
}
