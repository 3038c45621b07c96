// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ReplicasManager holds the count of a Deployment between the operator, which lets go of it, and an
// autoscaler, which takes it with its first change. A field that nobody holds would fall back to 1.
const ReplicasManager = "parley-operator-replicas"

// ReleaseReplicas prepares a Deployment for a wish without replicas, after which the count stays what it
// is now. Apply calls it by itself where it is needed; it may be repeated.
func (a *Applier) ReleaseReplicas(ctx context.Context, owner types.UID, name types.NamespacedName) error {
	// The cache may be older than the count, and applying an old count would scale.
	var found appsv1.Deployment
	if err := a.live.Get(ctx, name, &found); err != nil {
		return fmt.Errorf("read Deployment %s: %w", name.Name, err)
	}
	if !isOwned(&found, owner) {
		return &NameConflictError{Kind: deploymentKind, Name: name.Name}
	}
	if found.Spec.Replicas == nil {
		return nil
	}
	// With the resourceVersion a count that changes in this moment wins.
	wish := appsv1ac.Deployment(name.Name, name.Namespace).
		WithUID(found.UID).
		WithResourceVersion(found.ResourceVersion).
		WithSpec(appsv1ac.DeploymentSpec().WithReplicas(*found.Spec.Replicas))
	err := a.client.Apply(ctx, wish, client.FieldOwner(ReplicasManager), client.ForceOwnership)
	if err != nil {
		err = fmt.Errorf("hand over the replicas of %s: %w", name.Name, err)
	}
	_, err = a.tell(deploymentKind, Updated, err)
	return err
}
