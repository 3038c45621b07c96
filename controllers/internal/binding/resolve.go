// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// Resolver finds Secrets. It may be used by several goroutines.
type Resolver struct {
	live    client.Reader
	allowed []string
}

// New makes a Resolver. live must not be a cache, which would list Secrets. allowed are the resources
// that a bindingRef may name, as <plural>.<group>: rabbitmqclusters.rabbitmq.com.
func New(live client.Reader, allowed []string) *Resolver {
	return &Resolver{live: live, allowed: slices.Clone(allowed)}
}

// Resolve reads the bindings of a cluster with its defaults. What people must put right is a Problem; an
// error is one of the API server, for example a Secret that may not be read.
func (r *Resolver) Resolve(ctx context.Context, cluster *chatv1alpha1.ChatCluster) (Result, error) {
	result := Result{
		Bindings: map[component.Dependency]manifest.Binding{},
		Sources:  map[component.Dependency]string{},
		Secrets:  map[component.Dependency]string{},
		values:   map[component.Dependency]map[string][]byte{},
	}
	for _, dependency := range component.Dependencies() {
		source := sourceOf(cluster, dependency)
		if source == nil {
			continue
		}
		if err := r.bind(ctx, cluster, dependency, source, &result); err != nil {
			return Result{}, fmt.Errorf("bind %s: %w", dependency, err)
		}
	}
	return result, nil
}

func sourceOf(cluster *chatv1alpha1.ChatCluster, dependency component.Dependency) *chatv1alpha1.Source {
	spec := &cluster.Spec.Dependencies
	switch {
	case dependency == component.MySQL && spec.MySQL != nil:
		return &spec.MySQL.Source
	case dependency == component.RabbitMQ && spec.RabbitMQ != nil:
		return &spec.RabbitMQ.Source
	case dependency == component.Elasticsearch && spec.Elasticsearch != nil:
		return &spec.Elasticsearch.Source
	case dependency == component.ObjectStore && spec.ObjectStore != nil:
		return &spec.ObjectStore.Source
	case dependency == component.SpeechProvider && spec.Speech != nil && spec.Speech.SecretRef != nil:
		return &chatv1alpha1.Source{SecretRef: spec.Speech.SecretRef}
	case dependency == component.SMS && manifest.SendsCodes(cluster) && spec.SMS.SecretRef != nil:
		return &chatv1alpha1.Source{SecretRef: spec.SMS.SecretRef}
	default:
		return nil
	}
}

func (r *Resolver) bind(
	ctx context.Context, cluster *chatv1alpha1.ChatCluster, dependency component.Dependency, source *chatv1alpha1.Source, result *Result,
) error {
	var keys map[string]string
	var name string
	namespace := cluster.Namespace
	switch {
	case source.SecretRef != nil:
		result.Sources[dependency] = SourceSecretRef
		name, keys = source.SecretRef.Name, source.SecretRef.Keys
	case source.BindingRef != nil:
		result.Sources[dependency] = SourceBindingRef
		found, problem, err := r.follow(ctx, namespace, source.BindingRef)
		if err != nil {
			return err
		}
		if problem != nil {
			result.add(dependency, problem)
			return nil
		}
		name = found
	default:
		return nil
	}
	result.Secrets[dependency] = name
	var secret corev1.Secret
	err := r.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		result.add(dependency, problemf(chatv1alpha1.SuffixSecretMissing, "create the Secret %q", name))
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Secret %s: %w", name, err)
	}
	bound, problem := Parse(dependency, name, secret.Data, keys)
	if problem == nil {
		problem = bound.suits(dependency, &cluster.Spec.Dependencies)
	}
	if problem != nil {
		result.add(dependency, problem)
		return nil
	}
	bound.Binding.Source = result.Sources[dependency]
	result.Bindings[dependency], result.values[dependency] = bound.Binding, bound.values
	return nil
}

// suits tells what of a binding does not go with the spec.
func (b Bound) suits(dependency component.Dependency, spec *chatv1alpha1.Dependencies) *Problem {
	switch dependency {
	case component.SMS:
		return b.needs(spec.SMS.Provider)
	case component.SpeechProvider:
		return b.needs(spec.Speech.Provider)
	case component.ObjectStore:
		return b.fits(spec.ObjectStore)
	default:
		return nil
	}
}

// follow answers the name of the Secret that the object offers.
func (r *Resolver) follow(
	ctx context.Context, namespace string, ref *chatv1alpha1.BindingReference,
) (string, *Problem, error) {
	group, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return "", problemf(chatv1alpha1.SuffixInvalid, "correct bindingRef.apiVersion"), nil //nolint:nilerr // what people wrote is a Problem
	}
	kind := group.WithKind(ref.Kind)
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	resource := plural.GroupResource().String()
	forbidden := problemf(chatv1alpha1.SuffixBindingForbidden,
		"the operator may not read %s: allow the kind in its settings (bindingKinds), which adds a rule for group %q, resource %q, verb get",
		resource, plural.Group, plural.Resource)
	if !slices.Contains(r.allowed, resource) {
		return "", forbidden, nil
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	err = r.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, object)
	switch {
	case apierrors.IsForbidden(err):
		return "", forbidden, nil
	case meta.IsNoMatchError(err):
		return "", problemf(chatv1alpha1.SuffixBindingNotReady, "the server does not know %s in %s: install it", ref.Kind, ref.APIVersion), nil
	case apierrors.IsNotFound(err):
		return "", problemf(chatv1alpha1.SuffixBindingNotReady, "create %s %q", ref.Kind, ref.Name), nil
	case err != nil:
		return "", nil, fmt.Errorf("read %s %s: %w", ref.Kind, ref.Name, err)
	}
	// Something that is no text counts as nothing.
	name, _, _ := unstructured.NestedString(object.Object, "status", "binding", "name")
	if name == "" {
		return "", problemf(chatv1alpha1.SuffixBindingNotReady,
			"%s %q offers no Secret in .status.binding.name yet", ref.Kind, ref.Name), nil
	}
	return name, nil, nil
}

func (r *Result) add(dependency component.Dependency, problem *Problem) {
	problem.Dependency = dependency
	r.Problems = append(r.Problems, *problem)
}

func problemf(suffix, format string, args ...any) *Problem {
	return &Problem{Suffix: suffix, Message: fmt.Sprintf(format, args...)}
}
