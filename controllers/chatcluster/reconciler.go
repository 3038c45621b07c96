// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

// Bounds of the operator; chosen, no evidence.
const (
	concurrentPasses = 4
	firstBackoff     = time.Second
	longestBackoff   = 2 * time.Minute
	// busyPoll is how often pods are asked during a change, idlePoll otherwise at most.
	busyPoll = 5 * time.Second
	// outdatedPoll is for a pass whose object had changed meanwhile; the watch is as fast.
	outdatedPoll = time.Second
	idlePoll     = 30 * time.Second
)

// Options of a Reconciler.
type Options struct {
	// Version of the operator, which decides what it runs.
	Version string
	// ImageRepository is used where a spec names none; AllowedRepositories, if any, are all that a spec may name.
	ImageRepository     string
	AllowedRepositories []string
	// BindingKinds are resources that a bindingRef may name, as <plural>.<group>.
	BindingKinds []string
	// OperatorNamespace and OperatorLabels find the operator's own pods, for NetworkPolicies.
	OperatorNamespace string
	OperatorLabels    map[string]string
	// SecretPoll is how often Secrets are read again.
	SecretPoll time.Duration
	// Ask asks a pod for its status.
	Ask Ask
	// Random makes keys.
	Random io.Reader
	Now    func() time.Time
}

// Rights of the operator; a marker counts only apart from the comment of a type.
// +kubebuilder:rbac:groups=chat.parley.dev,resources=chatclusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=chat.parley.dev,resources=chatclusters/status,verbs=patch
// +kubebuilder:rbac:groups=chat.parley.dev,resources=chatclusters/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=services;serviceaccounts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings children of ChatClusters in line with their specs.
type Reconciler struct {
	Options
	client   client.Client
	apply    *apply.Applier
	live     client.Reader
	resolver *binding.Resolver
	recorder events.EventRecorder
	metrics  *metrics
	memory   memory
}

// New makes a Reconciler that reads children through c, and Secrets and unknown names through live, which
// must not be a cache.
func New(c client.Client, live client.Reader, recorder events.EventRecorder, o Options) *Reconciler {
	m := newMetrics()
	return &Reconciler{
		Options: o, client: c, live: live, recorder: recorder, metrics: m,
		apply: apply.New(c, live).Counting(m.wrote), resolver: binding.New(live, o.BindingKinds),
	}
}

// ask counts what pods answer.
func (r *Reconciler) ask(ctx context.Context, address string) (component.Status, error) {
	if r.Ask == nil {
		return component.Status{}, errors.New("nobody is asked")
	}
	status, err := r.Ask(ctx, address)
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	r.metrics.asked.WithLabelValues(outcome).Inc()
	return status, err
}

// SetupWithManager watches ChatClusters and every kind of child.
func (r *Reconciler) SetupWithManager(m ctrl.Manager) error {
	if err := r.metrics.register(ctrlmetrics.Registry); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(m).
		For(&chatv1alpha1.ChatCluster{}).
		Owns(&appsv1.Deployment{}).Owns(&batchv1.Job{}).Owns(&corev1.Service{}).Owns(&corev1.ServiceAccount{}).
		Owns(&rbacv1.Role{}).Owns(&rbacv1.RoleBinding{}).Owns(&networkingv1.NetworkPolicy{}).Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&autoscalingv2.HorizontalPodAutoscaler{}).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrentPasses,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstBackoff, longestBackoff),
		}).
		Complete(r)
}

// spread adds up to a tenth, so that many objects are not looked at in the same moment.
func spread(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1) //nolint:gosec // not a secret
}
