// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
)

const (
	// secretMode lets the pod's group read, and nobody else.
	secretMode = 0o440
	// tokenSeconds is how long a token is good; the kubelet renews it before.
	tokenSeconds = 600
	tokenDir     = "/var/run/secrets/kubernetes.io/serviceaccount" //nolint:gosec // the name of a folder
	scratchDir   = "/tmp"
)

// mounts collects volumes and where they appear.
type mounts struct {
	volumes []*corev1ac.VolumeApplyConfiguration
	places  []*corev1ac.VolumeMountApplyConfiguration
}

func mountsOf(in Input, name component.Name) mounts {
	var m mounts
	m.volumes = append(m.volumes, corev1ac.Volume().WithName("tmp").WithEmptyDir(
		corev1ac.EmptyDirVolumeSource().WithSizeLimit(*resource.NewQuantity(scratchLimit, resource.BinarySI))))
	m.places = append(m.places, corev1ac.VolumeMount().WithName("tmp").WithMountPath(scratchDir))
	m.add("keys", component.KeysDir, keySources(in, name)...)
	for _, dependency := range component.Dependencies() {
		if slices.Contains(component.Readers(dependency), name) {
			m.add("binding-"+string(dependency), path.Join(component.BindingRoot, string(dependency)),
				secretSource(in.Bindings[dependency].Secret, bindingItems(in, dependency, name)))
		}
	}
	if component.WatchesRing(name) {
		m.add("api-access", tokenDir, tokenSource(), authoritySource(), namespaceSource())
	}
	return m
}

// add mounts a projected volume; without a source there is nothing to mount.
func (m *mounts) add(volume, dir string, sources ...*corev1ac.VolumeProjectionApplyConfiguration) {
	if len(sources) == 0 || sources[0] == nil {
		return
	}
	m.volumes = append(m.volumes, corev1ac.Volume().WithName(volume).WithProjected(
		corev1ac.ProjectedVolumeSource().WithDefaultMode(secretMode).WithSources(sources...)))
	m.places = append(m.places, corev1ac.VolumeMount().WithName(volume).WithMountPath(dir).WithReadOnly(true))
}

// secretSource is nil without items: a projection that names none shows the whole Secret.
func secretSource(
	secret string, items []*corev1ac.KeyToPathApplyConfiguration,
) *corev1ac.VolumeProjectionApplyConfiguration {
	if secret == "" || len(items) == 0 {
		return nil
	}
	return corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().WithName(secret).WithItems(items...))
}

// bindingItems shows a component its own entries under their well-known names, and no others.
func bindingItems(
	in Input, dependency component.Dependency, name component.Name,
) []*corev1ac.KeyToPathApplyConfiguration {
	var items []*corev1ac.KeyToPathApplyConfiguration
	for _, entry := range component.Entries(dependency, name) {
		if key := in.Bindings[dependency].Keys[entry]; key != "" {
			items = append(items, corev1ac.KeyToPath().WithKey(key).WithPath(entry))
		}
	}
	return items
}

func keySources(in Input, name component.Name) []*corev1ac.VolumeProjectionApplyConfiguration {
	var sources []*corev1ac.VolumeProjectionApplyConfiguration
	for _, keys := range in.Keys {
		if source := secretSource(keys.Secret, keyItems(keys, name)); source != nil {
			sources = append(sources, source)
		}
	}
	return sources
}

// keyItems shows every public half, the component's own private one, and the keys of page tokens and links where
// they are used. A replaced private key is not shown: nobody signs with it any more.
func keyItems(keys Keys, name component.Name) []*corev1ac.KeyToPathApplyConfiguration {
	if slices.Contains(component.Jobs(), name) {
		return nil
	}
	var wanted []string
	for _, other := range component.All() {
		wanted = append(wanted, component.PublicKey(other), component.PreviousPrefix+component.PublicKey(other))
	}
	wanted = append(wanted, component.PrivateKey(name))
	if component.HasPageToken(name) {
		wanted = append(wanted, component.PageTokenKey, component.PreviousPrefix+component.PageTokenKey)
	}
	if component.HasFileLink(name) {
		wanted = append(wanted, component.FileLinkKey, component.PreviousPrefix+component.FileLinkKey)
	}
	var items []*corev1ac.KeyToPathApplyConfiguration
	for _, entry := range wanted {
		if slices.Contains(keys.Entries, entry) {
			items = append(items, corev1ac.KeyToPath().WithKey(entry).WithPath(entry))
		}
	}
	return items
}

// The three sources below are what an automatic mount would hold, with a token that lives shorter.

func tokenSource() *corev1ac.VolumeProjectionApplyConfiguration {
	return corev1ac.VolumeProjection().WithServiceAccountToken(
		corev1ac.ServiceAccountTokenProjection().WithExpirationSeconds(tokenSeconds).WithPath("token"))
}

func authoritySource() *corev1ac.VolumeProjectionApplyConfiguration {
	return corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
		WithName("kube-root-ca.crt").
		WithItems(corev1ac.KeyToPath().WithKey("ca.crt").WithPath("ca.crt")))
}

func namespaceSource() *corev1ac.VolumeProjectionApplyConfiguration {
	return corev1ac.VolumeProjection().WithDownwardAPI(corev1ac.DownwardAPIProjection().
		WithItems(corev1ac.DownwardAPIVolumeFile().
			WithPath("namespace").
			WithFieldRef(fieldRef("metadata.namespace"))))
}
