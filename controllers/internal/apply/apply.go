// SPDX-License-Identifier: Apache-2.0

// Package apply writes the children of a ChatCluster.
//
// One field manager owns what the builders name and nothing else. A wish that the live object already
// meets is not written, so a pass over an unchanged cluster writes nothing. An object of somebody else is
// never taken over.
package apply

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// Config is an apply configuration of a child, as the builders make them.
type Config interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
	GetKind() *string
}

// Outcome of one wish.
type Outcome string

// The outcomes.
const (
	Unchanged Outcome = "unchanged"
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Deleted   Outcome = "deleted"
)

// Applier writes children. It may be used by several goroutines.
type Applier struct {
	client client.Client
	live   client.Reader
	wrote  func(kind, outcome string)
}

// New makes an Applier that writes through c and reads through live, which must not be a cache: it is
// asked where the cache knows nothing, and that may be because the cache is filtered or late.
func New(c client.Client, live client.Reader) *Applier {
	return &Applier{client: c, live: live, wrote: func(string, string) {}}
}

// Counting answers an Applier that tells wrote of every write it tried, after it: the kind, and an
// Outcome or, if it failed, a Class. A wish that needs no write is not told.
func (a *Applier) Counting(wrote func(kind, outcome string)) *Applier {
	return &Applier{client: a.client, live: a.live, wrote: wrote}
}

// Apply makes the server's object meet the wish. owner is the UID of the ChatCluster; current is what the
// cache has, unmodified and with its managedFields, or nil.
//
// A Deployment without replicas whose count is ours is handed over first: see ReleaseReplicas. It fails
// with a *NameConflictError when an object of that name has another controller. Kinds that are only ever
// created are refused: see Create.
func (a *Applier) Apply(ctx context.Context, owner types.UID, wish Config, current client.Object) (Outcome, error) {
	k, err := kindOf(wish)
	if err != nil {
		return Unchanged, err
	}
	if isNil(current) {
		if current, err = a.read(ctx, k, wish); err != nil {
			return Unchanged, err
		}
	}
	if current == nil {
		return a.write(ctx, k, wish, "", Created)
	}
	if !isOwned(current, owner) {
		return Unchanged, &NameConflictError{Kind: k.name, Name: *wish.GetName()}
	}
	owned, err := k.extract(current)
	if err != nil {
		return Unchanged, fmt.Errorf("read the fields of %s %s: %w", k.name, current.GetName(), err)
	}
	if same, err := equal(owned, wish); err != nil || same {
		return Unchanged, err
	}
	if dropsReplicas(owned, wish) {
		if err := a.ReleaseReplicas(ctx, owner, client.ObjectKeyFromObject(current)); err != nil {
			return Unchanged, err
		}
	}
	return a.write(ctx, k, wish, current.GetUID(), Updated)
}

// Meets tells whether current is as the wish says, so that Apply would write nothing. No object
// meets nothing.
func Meets(wish Config, current client.Object) (bool, error) {
	k, err := kindOf(wish)
	if err != nil || isNil(current) {
		return false, err
	}
	owned, err := k.extract(current)
	if err != nil {
		return false, fmt.Errorf("read the fields of %s %s: %w", k.name, current.GetName(), err)
	}
	return equal(owned, wish)
}

// Create makes an object that is never changed afterwards: a Job, whose template cannot change, or the
// Secret with own keys. One that is there already and ours is left alone and answers Unchanged; another's
// is a *NameConflictError.
func (a *Applier) Create(ctx context.Context, owner types.UID, wish Config) (Outcome, error) {
	object, err := toUnstructured(wish)
	if err != nil {
		return Unchanged, err
	}
	kind := object.GetKind()
	err = a.client.Create(ctx, object, client.FieldOwner(manifest.FieldManager))
	if apierrors.IsAlreadyExists(err) {
		return Unchanged, a.checkOwner(ctx, owner, object)
	}
	return a.tell(kind, Created, err)
}

// Delete removes exactly the object that was looked at: the request carries UID and resourceVersion, so
// one that was changed or replaced since then fails as a Conflict. An object that is gone is no error;
// one of another controller is a *NameConflictError.
func (a *Applier) Delete(ctx context.Context, owner types.UID, current client.Object) (Outcome, error) {
	kind := kindName(current)
	if !isOwned(current, owner) {
		return Unchanged, &NameConflictError{Kind: kind, Name: current.GetName()}
	}
	uid, version := current.GetUID(), current.GetResourceVersion()
	err := a.client.Delete(ctx, current,
		client.Preconditions{UID: &uid, ResourceVersion: &version},
		// The default for Jobs would leave their pods behind.
		client.PropagationPolicy(metav1.DeletePropagationBackground))
	if apierrors.IsNotFound(err) {
		return Unchanged, nil
	}
	return a.tell(kind, Deleted, err)
}

func (a *Applier) read(ctx context.Context, k kind, wish Config) (client.Object, error) {
	object := k.empty()
	err := a.live.Get(ctx, types.NamespacedName{Namespace: *wish.GetNamespace(), Name: *wish.GetName()}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", k.name, *wish.GetName(), err)
	}
	return object, nil
}

// write sends uid along: an object that was replaced since it was read must not be taken over, and one
// that is gone must not come back half known.
func (a *Applier) write(ctx context.Context, k kind, wish Config, uid types.UID, done Outcome) (Outcome, error) {
	object, err := toUnstructured(wish)
	if err != nil {
		return Unchanged, err
	}
	if uid != "" {
		object.SetUID(uid)
	}
	err = a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner(manifest.FieldManager), client.ForceOwnership)
	if err != nil {
		err = fmt.Errorf("apply %s %s: %w", k.name, *wish.GetName(), err)
	}
	return a.tell(k.name, done, err)
}

// tell counts a write and answers what came of it.
func (a *Applier) tell(kind string, done Outcome, err error) (Outcome, error) {
	if err != nil {
		a.wrote(kind, string(Classify(err)))
		return Unchanged, err
	}
	a.wrote(kind, string(done))
	return done, nil
}

func (a *Applier) checkOwner(ctx context.Context, owner types.UID, wish *unstructured.Unstructured) error {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(wish.GroupVersionKind())
	if err := a.live.Get(ctx, client.ObjectKeyFromObject(wish), found); err != nil {
		return fmt.Errorf("read %s %s: %w", wish.GetKind(), wish.GetName(), err)
	}
	if !isOwned(found, owner) {
		return &NameConflictError{Kind: wish.GetKind(), Name: wish.GetName()}
	}
	return nil
}

func isOwned(object client.Object, owner types.UID) bool {
	controller := metav1.GetControllerOf(object)
	return controller != nil && controller.UID == owner
}

func dropsReplicas(owned any, wish Config) bool {
	had, ok := owned.(*appsv1ac.DeploymentApplyConfiguration)
	if !ok || had.Spec == nil || had.Spec.Replicas == nil {
		return false
	}
	wanted, ok := wish.(*appsv1ac.DeploymentApplyConfiguration)
	return ok && (wanted.Spec == nil || wanted.Spec.Replicas == nil)
}
