// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"net/url"
	"strconv"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// provider checks what a provider of codes offers. It has no place but the uri of a webhook.
func (e *entries) provider() (Bound, *Problem) {
	if problem := e.checkType(); problem != nil {
		return Bound{}, problem
	}
	bound := Bound{Binding: manifest.Binding{Secret: e.secret, Keys: e.keys}, values: e.values}
	if !e.has(component.EntryURI) {
		return bound, nil
	}
	u, err := url.Parse(e.text(component.EntryURI))
	if err != nil || u.Scheme != "https" || !isHost(u.Hostname()) {
		return Bound{}, e.invalid(component.EntryURI, "must be an address that begins with https://")
	}
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 {
			return Bound{}, e.invalid(component.EntryURI, "has a port that is no number from 1 to 65535")
		}
		bound.Binding.Port = int32(port)
	}
	return bound, nil
}

// needs names the first entry that a provider cannot do without and that is not there.
func (b Bound) needs(provider string) *Problem {
	required := map[string][]string{
		"Aliyun":  {component.EntryAccessKeyID, component.EntryAccessKeySecret},
		"Webhook": {component.EntryURI, component.EntrySigningKey},
		"Baidu":   {component.EntryAPIKey, component.EntrySecretKey},
	}[provider]
	e := entries{secret: b.Binding.Secret}
	for _, entry := range required {
		if _, ok := b.values[entry]; !ok {
			return e.missing(entry, "the provider "+provider+" needs it")
		}
	}
	return nil
}
