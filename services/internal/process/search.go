// SPDX-License-Identifier: Apache-2.0

package process

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
)

const portElasticsearch = "9200"

// completeSearch adds the address and the credentials of Elasticsearch. A variable that is set stays.
func completeSearch(full map[string]string, name component.Name) error {
	if !slices.Contains(component.Readers(component.Elasticsearch), name) || full[component.EnvElasticsearchURL] != "" {
		return nil
	}
	b, err := readBinding(full[component.EnvBindingRoot], component.Elasticsearch, name)
	if err != nil || len(b.entries) == 0 {
		return err
	}
	whole := &url.URL{}
	if text := b.entries[component.EntryURI]; text != "" {
		if whole, err = url.Parse(text); err != nil || whole.Host == "" || whole.Scheme != "https" && whole.Scheme != "http" {
			return fmt.Errorf("%s: entry %s/%s must be https://user:password@host:port", component.EnvBindingRoot,
				component.Elasticsearch, component.EntryURI)
		}
	}
	host := cmp.Or(b.entries[component.EntryHost], whole.Hostname())
	if host == "" {
		return fmt.Errorf("%s: entry %s/%s is missing", component.EnvBindingRoot, component.Elasticsearch, component.EntryHost)
	}
	scheme := "https"
	if certificate.Mode(full[component.EnvElasticsearchTLS]) == certificate.Disabled {
		scheme = "http"
	}
	username, password := b.user(name)
	if username == "" && whole.User != nil {
		username = whole.User.Username()
		password, _ = whole.User.Password()
	}
	address := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, cmp.Or(b.entries[component.EntryPort], whole.Port(), portElasticsearch))}
	fill(full, map[string]string{
		component.EnvElasticsearchURL: address.String(), component.EnvElasticsearchUsername: username,
		component.EnvElasticsearchPassword: password, component.EnvElasticsearchAPIKey: b.entries[component.EntryAPIKey],
		component.EnvElasticsearchCA: b.file(component.EntryCA),
	})
	return nil
}
