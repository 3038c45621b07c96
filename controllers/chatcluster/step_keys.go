// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apply"
	"github.com/parley-chat/parley/controllers/internal/keys"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// ownKeys reads the Secret with the cluster's keys, or makes it, once; and beside it those with what it lacks
// because it is older than the components that need it: a Secret that is there is never written.
func (r *Reconciler) ownKeys(ctx context.Context, p *pass) (map[string][]byte, error) {
	name := manifest.KeysName(p.cluster.Name)
	if p.wish.Spec.Keys != nil {
		name = p.wish.Spec.Keys.Name
	}
	data, err := r.firstKeys(ctx, p, name)
	if err != nil {
		return nil, err
	}
	p.addKeys(name, data)
	for number := 2; ; number++ {
		lacking, err := keys.Supplement(r.Random, data)
		if err != nil {
			return nil, err
		}
		if len(lacking) == 0 {
			break
		}
		name := manifest.MoreKeysName(p.cluster.Name, number)
		more, err := r.moreKeys(ctx, p, name, lacking)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(more, func(entry string, _ []byte) bool { return lacking[entry] == nil })
		data = maps.Clone(data)
		maps.Copy(data, more)
		p.addKeys(name, more)
	}
	if err := keys.Check(data); err != nil {
		return nil, stalled(chatv1alpha1.ReasonKeysMissing, fmt.Sprintf("complete the Secret %s: %v", name, err))
	}
	p.fingerprint = keys.Fingerprint(data)
	return data, nil
}

func (p *pass) addKeys(secret string, data map[string][]byte) {
	p.input.Keys = append(p.input.Keys, manifest.Keys{Secret: secret, Entries: slices.Sorted(maps.Keys(data))})
}

func (r *Reconciler) firstKeys(ctx context.Context, p *pass, name string) (map[string][]byte, error) {
	secret, err := r.readKeys(ctx, p, name)
	switch {
	case err != nil || secret != nil:
	case p.wish.Spec.Keys != nil:
		return nil, stalled(chatv1alpha1.ReasonKeysMissing, fmt.Sprintf("make the Secret %s that spec.keys names", name))
	case p.cluster.Status.KeysFingerprint != "" && !p.mayMakeKeys():
		return nil, lostKeys(name)
	default:
		data, err := keys.Generate(r.Random)
		if err != nil {
			return nil, err
		}
		return r.makeKeys(ctx, p, name, data)
	}
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

// moreKeys reads a Secret with keys that others lack, or makes it. One that pods mount has been there.
func (r *Reconciler) moreKeys(ctx context.Context, p *pass, name string, lacking map[string][]byte) (map[string][]byte, error) {
	secret, err := r.readKeys(ctx, p, name)
	switch {
	case err != nil:
		return nil, err
	case secret != nil:
		return secret.Data, nil
	case p.seen.mounts(name) && !p.mayMakeKeys():
		return nil, lostKeys(name)
	default:
		return r.makeKeys(ctx, p, name, lacking)
	}
}

func (p *pass) mayMakeKeys() bool {
	return p.cluster.Annotations[chatv1alpha1.AnnotationRecreateKeys] != ""
}

func lostKeys(name string) error {
	return stalled(chatv1alpha1.ReasonKeysMissing,
		fmt.Sprintf("the Secret %s is gone: restore it, or set the annotation %s to make new keys", name, chatv1alpha1.AnnotationRecreateKeys))
}

// makeKeys answers what the server has: another pass may have been first.
func (r *Reconciler) makeKeys(ctx context.Context, p *pass, name string, data map[string][]byte) (map[string][]byte, error) {
	if _, err := r.apply.Create(ctx, p.cluster.UID, manifest.KeysSecret(p.input, name, data)); err != nil {
		return nil, writeOutcome(err)
	}
	secret, err := r.readKeys(ctx, p, name)
	if err != nil {
		return nil, err
	}
	if secret == nil {
		return nil, fmt.Errorf("the Secret %s is gone as soon as it was made", name)
	}
	return secret.Data, nil
}

// readKeys answers nil for a Secret that is not there.
func (r *Reconciler) readKeys(ctx context.Context, p *pass, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: p.cluster.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, writeOutcome(err)
	}
	if p.wish.Spec.Keys == nil && isOfAnother(metav1.GetControllerOf(secret), p.cluster) {
		// Of one that was deleted: it goes as soon as somebody collects it, and its keys with it.
		return nil, writeOutcome(&apply.NameConflictError{Kind: "Secret", Name: name})
	}
	return secret, nil
}

// isOfAnother tells whether an owner is a ChatCluster that had this name before. A Secret that somebody else
// brings, with whatever owner, is read like any other.
func isOfAnother(owner *metav1.OwnerReference, cluster *chatv1alpha1.ChatCluster) bool {
	return owner != nil && owner.Kind == "ChatCluster" && owner.UID != cluster.UID
}

// mounts tells whether pods of a Deployment mount a Secret with keys.
func (o *observed) mounts(secret string) bool {
	for _, child := range o.children {
		d, ok := child.(*appsv1.Deployment)
		if !ok {
			continue
		}
		for _, volume := range d.Spec.Template.Spec.Volumes {
			if volume.Projected != nil && slices.ContainsFunc(volume.Projected.Sources, func(s corev1.VolumeProjection) bool {
				return s.Secret != nil && s.Secret.Name == secret
			}) {
				return true
			}
		}
	}
	return false
}
