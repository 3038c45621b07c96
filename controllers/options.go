// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/chatcluster"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// options are the flags.
type options struct {
	namespaces          []string
	imageRepository     string
	allowedRepositories []string
	bindingKinds        []string
	leaderElect         bool
	leaderNamespace     string
	metricsAddress      string
	metricsAuth         bool
	probeAddress        string
	secretPoll          time.Duration
	logLevel            string
	podLabels           map[string]string
	podNamespace        string
}

func (o *options) bind(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.namespaces, "watch-namespaces", nil, "namespaces with ChatClusters; all by default, which needs a ClusterRole")
	flags.StringVar(&o.imageRepository, "image-repository", "parley-chat/parley", "repository of ChatClusters that name none")
	flags.StringSliceVar(&o.allowedRepositories, "allowed-image-repositories", nil, "repositories that ChatClusters may use; any by default")
	flags.StringSliceVar(&o.bindingKinds, "binding-kinds", []string{"rabbitmqclusters.rabbitmq.com"}, "resources that a bindingRef may name, as plural.group")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "let one of several operators work")
	flags.StringVar(&o.leaderNamespace, "leader-election-namespace", "", "namespace of the lease; by default the pod's")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "address of /metrics, over https; 0 switches it off")
	flags.BoolVar(&o.metricsAuth, "metrics-auth", true, "ask the API server who reads /metrics and whether they may; needs create on tokenreviews and subjectaccessreviews, so a ClusterRole")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 switches them off")
	flags.DurationVar(&o.secretPoll, "secret-poll", time.Minute, "how often Secrets are read again")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringToStringVar(&o.podLabels, "operator-pod-labels", map[string]string{"app.kubernetes.io/name": "parley-operator"}, "labels of the operator's pods, for NetworkPolicies")
	flags.StringVar(&o.podNamespace, "operator-namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator's pods; by default POD_NAMESPACE")
}

// manager makes everything that runs.
func (o *options) manager(now func() time.Time) (ctrl.Manager, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, errors.New("--log-level must be debug, info, warn or error")
	}
	if o.secretPoll < time.Second {
		return nil, errors.New("--secret-poll must be at least 1s")
	}
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	kinds := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(kinds), chatv1alpha1.AddToScheme(kinds)); err != nil {
		return nil, err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("no API server to talk to: set KUBECONFIG: %w", err)
	}
	leaderNamespace := o.leaderNamespace
	if leaderNamespace == "" {
		leaderNamespace = o.podNamespace
	}
	m, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: kinds, Cache: o.cache(),
		// Secrets are read by name, never listed or kept.
		Client:                  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                 o.metrics(),
		HealthProbeBindAddress:  o.probeAddress,
		LeaderElection:          o.leaderElect,
		LeaderElectionID:        "parley-operator",
		LeaderElectionNamespace: leaderNamespace,
		// The program ends when the manager does, so the next operator need not wait for the lease to run out.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, err
	}
	r := chatcluster.New(m.GetClient(), m.GetAPIReader(), m.GetEventRecorder("parley-operator"), chatcluster.Options{
		Version: version, ImageRepository: o.imageRepository, AllowedRepositories: o.allowedRepositories, BindingKinds: o.bindingKinds,
		OperatorNamespace: o.podNamespace, OperatorLabels: o.podLabels, SecretPoll: o.secretPoll,
		Ask: chatcluster.AskHTTP(), Random: rand.Reader, Now: now,
	})
	if err := r.SetupWithManager(m); err != nil {
		return nil, fmt.Errorf("the API server does not answer: check KUBECONFIG or, in a pod, its network and service account: %w", err)
	}
	return m, errors.Join(m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("ping", healthz.Ping))
}

// Rights of the guard of /metrics, in a role of their own: they count in the whole cluster only.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// metrics are served over https, with a certificate that the operator makes for itself: it keeps tokens of
// readers from the wire, and proves nothing.
func (o *options) metrics() server.Options {
	s := server.Options{BindAddress: o.metricsAddress, SecureServing: true, TLSOpts: []func(*tls.Config){func(c *tls.Config) {
		c.MinVersion = tls.VersionTLS12
		c.NextProtos = []string{"http/1.1"} // a reader has one question at a time
	}}}
	if o.metricsAuth {
		s.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return s
}

// cache keeps children only: everything else of a namespace costs nothing.
func (o *options) cache() cache.Options {
	ours := cache.ByObject{
		Label:     labels.SelectorFromSet(labels.Set{manifest.LabelManagedBy: manifest.ManagedBy}),
		Transform: chatcluster.Trim,
	}
	by := map[client.Object]cache.ByObject{}
	for _, kind := range chatcluster.Children() {
		by[kind] = ours
	}
	c := cache.Options{ByObject: by}
	if len(o.namespaces) > 0 {
		c.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range o.namespaces {
			c.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	return c
}
