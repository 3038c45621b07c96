// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/parley-chat/parley/api/component"
)

// ServiceAccounts has one per component and one per Job; none when somebody else makes them. No pod
// gets a token by them: those that need one mount it themselves.
func ServiceAccounts(in Input) []*corev1ac.ServiceAccountApplyConfiguration {
	if !createsAccounts(in) {
		return nil
	}
	var accounts []*corev1ac.ServiceAccountApplyConfiguration
	for _, name := range podded(in) {
		account := corev1ac.ServiceAccount(AccountName(in.Cluster.Name, name), in.Cluster.Namespace).
			WithLabels(Labels(in.Cluster.Name, name)).
			WithOwnerReferences(owner(in)).
			WithAutomountServiceAccountToken(false)
		if annotations := in.Cluster.Spec.ServiceAccounts.Annotations; len(annotations) > 0 {
			account.WithAnnotations(annotations)
		}
		accounts = append(accounts, account)
	}
	return accounts
}

// RingRole may read EndpointSlices; nil when somebody else makes the accounts.
func RingRole(in Input) *rbacv1ac.RoleApplyConfiguration {
	if !createsAccounts(in) {
		return nil
	}
	return rbacv1ac.Role(RingName(in.Cluster.Name), in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, "")).
		WithOwnerReferences(owner(in)).
		WithRules(rbacv1ac.PolicyRule().
			WithAPIGroups("discovery.k8s.io").
			WithResources("endpointslices").
			WithVerbs("get", "list", "watch"))
}

// RingRoleBindings give RingRole to the components that watch the ring; none when somebody else makes
// the accounts.
func RingRoleBindings(in Input) []*rbacv1ac.RoleBindingApplyConfiguration {
	if !createsAccounts(in) {
		return nil
	}
	binding := rbacv1ac.RoleBinding(RingName(in.Cluster.Name), in.Cluster.Namespace).
		WithLabels(Labels(in.Cluster.Name, "")).
		WithOwnerReferences(owner(in)).
		WithRoleRef(rbacv1ac.RoleRef().
			WithAPIGroup("rbac.authorization.k8s.io").
			WithKind("Role").
			WithName(RingName(in.Cluster.Name)))
	for _, name := range Running(in.Cluster) {
		if component.WatchesRing(name) {
			binding.WithSubjects(rbacv1ac.Subject().
				WithKind("ServiceAccount").
				WithName(AccountName(in.Cluster.Name, name)).
				WithNamespace(in.Cluster.Namespace))
		}
	}
	return []*rbacv1ac.RoleBindingApplyConfiguration{binding}
}

func createsAccounts(in Input) bool {
	accounts := in.Cluster.Spec.ServiceAccounts
	return accounts == nil || accounts.Create == nil || *accounts.Create
}

// podded lists who has pods: the components that run and the Jobs.
func podded(in Input) []component.Name {
	list := append(Running(in.Cluster), component.Migrate)
	if in.Cluster.Spec.Dependencies.Elasticsearch != nil {
		list = append(list, component.Reindex)
	}
	return list
}
