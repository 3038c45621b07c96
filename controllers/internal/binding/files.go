// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"net/url"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// objectStore checks what a store of files offers. Without a uri it is that of AWS in the region.
func (e *entries) objectStore() (Bound, *Problem) {
	for _, check := range []func() *Problem{e.checkType, e.checkCertificates} {
		if problem := check(); problem != nil {
			return Bound{}, problem
		}
	}
	for _, entry := range []string{component.EntryAccessKeyID, component.EntrySecretAccessKey} {
		if !e.has(entry) {
			return Bound{}, e.missing(entry, "it is required")
		}
	}
	bound := Bound{Binding: manifest.Binding{Secret: e.secret, Keys: e.keys}, values: e.values}
	if !e.has(component.EntryURI) {
		return bound, nil
	}
	form := e.invalid(component.EntryURI, "must look like https://host:port, without path")
	u, err := url.Parse(e.text(component.EntryURI))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" || !isHost(u.Hostname()) {
		return Bound{}, form
	}
	bound.Binding.Host, bound.Binding.Port = u.Hostname(), 443
	if u.Scheme == "http" {
		bound.Binding.Port = 80
	}
	if text := u.Port(); text != "" {
		port, ok := parsePort(text)
		if !ok {
			return Bound{}, form
		}
		bound.Binding.Port = port
	}
	return bound, nil
}

// fits tells what of a store of files does not go with the spec.
func (b Bound) fits(store *chatv1alpha1.ObjectStore) *Problem {
	e := entries{secret: b.Binding.Secret, keys: b.Binding.Keys, values: b.values}
	if store.Bucket == "" && !e.has(component.EntryBucket) {
		return e.missing(component.EntryBucket, "or name the bucket in spec.dependencies.objectStore.bucket")
	}
	if u, err := url.Parse(e.text(component.EntryURI)); err == nil && u.Scheme == "http" && store.TLS != chatv1alpha1.TLSDisabled {
		return e.invalid(component.EntryURI, "begins with http://: use https://, or set spec.dependencies.objectStore.tls to Disabled")
	}
	return nil
}

// speech checks what a provider of speech offers; what it must offer depends on the provider.
func (e *entries) speech() (Bound, *Problem) {
	for _, check := range []func() *Problem{e.checkType, e.checkCertificates} {
		if problem := check(); problem != nil {
			return Bound{}, problem
		}
	}
	return Bound{Binding: manifest.Binding{Secret: e.secret, Keys: e.keys}, values: e.values}, nil
}
