// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const deploymentKind = "Deployment"

// kind knows how to read an object and what of it is ours.
type kind struct {
	name    string
	empty   func() client.Object
	extract func(client.Object) (any, error)
}

// kindOf lists the kinds that are applied. A Job and a Secret are not among them: they are created once.
func kindOf(wish Config) (kind, error) {
	switch wish.(type) {
	case *appsv1ac.DeploymentApplyConfiguration:
		return kindFor[appsv1.Deployment](deploymentKind, appsv1ac.ExtractDeployment), nil
	case *corev1ac.ServiceApplyConfiguration:
		return kindFor[corev1.Service]("Service", corev1ac.ExtractService), nil
	case *corev1ac.ServiceAccountApplyConfiguration:
		return kindFor[corev1.ServiceAccount]("ServiceAccount", corev1ac.ExtractServiceAccount), nil
	case *rbacv1ac.RoleApplyConfiguration:
		return kindFor[rbacv1.Role]("Role", rbacv1ac.ExtractRole), nil
	case *rbacv1ac.RoleBindingApplyConfiguration:
		return kindFor[rbacv1.RoleBinding]("RoleBinding", rbacv1ac.ExtractRoleBinding), nil
	case *networkingv1ac.NetworkPolicyApplyConfiguration:
		return kindFor[networkingv1.NetworkPolicy]("NetworkPolicy", networkingv1ac.ExtractNetworkPolicy), nil
	case *policyv1ac.PodDisruptionBudgetApplyConfiguration:
		return kindFor[policyv1.PodDisruptionBudget]("PodDisruptionBudget", policyv1ac.ExtractPodDisruptionBudget), nil
	case *autoscalingv2ac.HorizontalPodAutoscalerApplyConfiguration:
		return kindFor[autoscalingv2.HorizontalPodAutoscaler]("HorizontalPodAutoscaler", autoscalingv2ac.ExtractHorizontalPodAutoscaler), nil
	default:
		return kind{}, fmt.Errorf("%T is not applied", wish)
	}
}

// kindFor ties an API type T to the function that extracts a manager's fields from it.
func kindFor[T, C any, P interface {
	*T
	client.Object
}](name string, extract func(*T, string) (*C, error),
) kind {
	return kind{
		name:  name,
		empty: func() client.Object { return P(new(T)) },
		extract: func(object client.Object) (any, error) {
			typed, ok := object.(P)
			if !ok {
				return nil, fmt.Errorf("%T is no %s", object, name)
			}
			return extract((*T)(typed), manifest.FieldManager)
		},
	}
}

// equal compares as the server would see both.
func equal(owned, wish any) (bool, error) {
	have, err := toJSON(owned)
	if err != nil {
		return false, err
	}
	want, err := toJSON(wish)
	if err != nil {
		return false, err
	}
	return reflect.DeepEqual(have, want), nil
}

func toJSON(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("decode %T: %w", value, err)
	}
	return tree, nil
}

func toUnstructured(wish Config) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(wish)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", wish, err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("decode %T: %w", wish, err)
	}
	return object, nil
}

// isNil sees through an interface that holds a nil pointer, as a lookup in a map of pointers gives.
func isNil(object client.Object) bool {
	return object == nil || reflect.ValueOf(object).IsNil()
}

// kindName of a typed object, which has none of its own once it was decoded.
func kindName(object client.Object) string {
	if kind := object.GetObjectKind().GroupVersionKind().Kind; kind != "" {
		return kind
	}
	return reflect.TypeOf(object).Elem().Name()
}
