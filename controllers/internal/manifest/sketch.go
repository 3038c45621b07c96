// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	autoscalingv2ac "k8s.io/client-go/applyconfigurations/autoscaling/v2"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/parley-chat/parley/api/component"
)

// ServiceAccounts has one per component and one for the Job; none when somebody else makes them.
func ServiceAccounts(in Input) []*corev1ac.ServiceAccountApplyConfiguration { return nil }

// RingRole may read EndpointSlices; nil when somebody else makes the accounts.
func RingRole(in Input) *rbacv1ac.RoleApplyConfiguration { return nil }

// RingRoleBindings give RingRole to the components that watch the ring.
func RingRoleBindings(in Input) []*rbacv1ac.RoleBindingApplyConfiguration { return nil }

// Services are the public one, the ring's, one per component that is called, and those of seats.
func Services(in Input) []*corev1ac.ServiceApplyConfiguration { return nil }

// PodDisruptionBudgets let one pod of a component go at a time.
func PodDisruptionBudgets(in Input) []*policyv1ac.PodDisruptionBudgetApplyConfiguration { return nil }

// NetworkPolicies refuse everything and then open what components need.
func NetworkPolicies(in Input) []*networkingv1ac.NetworkPolicyApplyConfiguration { return nil }

// Deployment of a component other than the gateway.
func Deployment(in Input, name component.Name) *appsv1ac.DeploymentApplyConfiguration { return nil }

// GatewayDeployment is one seat of the gateway.
func GatewayDeployment(in Input, seat int32) *appsv1ac.DeploymentApplyConfiguration { return nil }

// HorizontalPodAutoscaler of a component; nil when IsAutoscaled is false.
func HorizontalPodAutoscaler(in Input, name component.Name) *autoscalingv2ac.HorizontalPodAutoscalerApplyConfiguration {
	return nil
}

// MigrationJob expands the schemas; hash comes from MigrationHash.
func MigrationJob(in Input, hash string) *batchv1ac.JobApplyConfiguration { return nil }

// MigrationHash changes when the schemas must be looked at again.
func MigrationHash(in Input, retry string) string { return "" }

// KeysSecret holds the cluster's own keys; it is created once and never applied again.
func KeysSecret(in Input, data map[string][]byte) *corev1ac.SecretApplyConfiguration { return nil }
