// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

// TestObjectStoresAndProvidersOfSpeech resolves bindings as the spec asks for them.
func TestObjectStoresAndProvidersOfSpeech(t *testing.T) {
	t.Parallel()
	pair := func(more ...string) map[string]string {
		entries := map[string]string{"access-key-id": "hidden", "secret-access-key": "hidden"}
		for i := 0; i < len(more); i += 2 {
			entries[more[i]] = more[i+1]
		}
		return entries
	}
	files := func(store chatv1alpha1.ObjectStore) chatv1alpha1.Dependencies {
		store.SecretRef = &chatv1alpha1.SecretReference{Name: "acme-it"}
		return chatv1alpha1.Dependencies{ObjectStore: &store}
	}
	named := files(chatv1alpha1.ObjectStore{Bucket: "acme"})
	speech := func(provider string) chatv1alpha1.Dependencies {
		return chatv1alpha1.Dependencies{Speech: &chatv1alpha1.Speech{Provider: provider, SecretRef: &chatv1alpha1.SecretReference{Name: "acme-it"}}}
	}
	plain := files(chatv1alpha1.ObjectStore{Source: chatv1alpha1.Source{TLS: chatv1alpha1.TLSDisabled}, Bucket: "acme"})
	for name, row := range map[string]struct {
		spec    chatv1alpha1.Dependencies
		entries map[string]string
		reason  string // empty: bound
		says    string
		port    int32
	}{
		"that of a company":          {spec: named, entries: pair("type", "s3")},
		"a server of one's own":      {spec: named, entries: pair("uri", "https://s3.stores:9000", "session-token", "hidden"), port: 9000},
		"the usual port":             {spec: named, entries: pair("uri", "https://s3.stores/"), port: 443},
		"without TLS":                {spec: plain, entries: pair("uri", "http://s3.stores"), port: 80},
		"http where TLS is asked":    {spec: named, entries: pair("uri", "http://s3.stores"), reason: "ObjectStoreInvalid", says: "tls to Disabled"},
		"a bucket in the Secret":     {spec: files(chatv1alpha1.ObjectStore{}), entries: pair("bucket", "acme")},
		"no bucket at all":           {spec: files(chatv1alpha1.ObjectStore{}), entries: pair(), reason: "ObjectStoreKeyMissing", says: `"bucket"`},
		"half a pair of keys":        {spec: named, entries: map[string]string{"access-key-id": "hidden"}, reason: "ObjectStoreKeyMissing", says: `"secret-access-key"`},
		"keys in the uri":            {spec: named, entries: pair("uri", "https://hidden:hidden@s3.stores"), reason: "ObjectStoreInvalid", says: "https://host:port"},
		"a path in the uri":          {spec: named, entries: pair("uri", "https://s3.stores/acme"), reason: "ObjectStoreInvalid", says: "without path"},
		"a port that is none":        {spec: named, entries: pair("uri", "https://s3.stores:0"), reason: "ObjectStoreInvalid", says: "https://host:port"},
		"a store of another kind":    {spec: named, entries: pair("type", "mysql"), reason: "ObjectStoreInvalid", says: "must be s3"},
		"certificates of air":        {spec: named, entries: pair("ca.crt", "air"), reason: "ObjectStoreInvalid", says: "PEM"},
		"Baidu":                      {spec: speech("Baidu"), entries: map[string]string{"api-key": "hidden", "secret-key": "hidden"}},
		"Baidu without its other":    {spec: speech("Baidu"), entries: map[string]string{"api-key": "hidden"}, reason: "SpeechKeyMissing", says: `"secret-key"`},
		"OpenAI with a key":          {spec: speech("OpenAI"), entries: map[string]string{"api-key": "hidden"}},
		"OpenAI with a CA only":      {spec: speech("OpenAI"), entries: map[string]string{"ca.crt": "air"}, reason: "SpeechInvalid", says: "PEM"},
		"a provider of other things": {spec: speech("OpenAI"), entries: map[string]string{"type": "sms"}, reason: "SpeechInvalid", says: "must be speech"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := map[string][]byte{}
			for entry, value := range row.entries {
				data[entry] = []byte(value)
			}
			c := &chatv1alpha1.ChatCluster{}
			c.Namespace, c.Spec.Dependencies = "chat", row.spec
			got, err := binding.New(server{secrets: map[string]map[string][]byte{"acme-it": data}}, nil).Resolve(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			reason, text := "", ""
			for _, problem := range got.Problems {
				reason, text = problem.Reason(), problem.Message
			}
			if reason != row.reason || !strings.Contains(text, row.says) || strings.Contains(text, "hidden") {
				t.Errorf("got %s: %s", reason, text)
			}
			if bound := got.Bindings[component.ObjectStore]; bound.Port != row.port {
				t.Errorf("port %d", bound.Port)
			}
		})
	}
}
