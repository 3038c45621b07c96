// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
)

// completeObjectStore adds the endpoint, the keys and, where nothing else says them, bucket and region of the store
// of files. A variable that is set stays; only TLS follows the endpoint: https is never left unverified.
func completeObjectStore(full map[string]string, name component.Name) error {
	if !slices.Contains(component.Readers(component.ObjectStore), name) {
		return nil
	}
	b, err := readBinding(full[component.EnvBindingRoot], component.ObjectStore, name)
	if err != nil {
		return err
	}
	fill(full, map[string]string{
		component.EnvS3Endpoint: b.entries[component.EntryURI], component.EnvS3Bucket: b.entries[component.EntryBucket],
		component.EnvS3Region: b.entries[component.EntryRegion], component.EnvS3AccessKeyID: b.entries[component.EntryAccessKeyID],
		component.EnvS3SecretAccessKey: b.entries[component.EntrySecretAccessKey],
		component.EnvS3SessionToken:    b.entries[component.EntrySessionToken], component.EnvS3CA: b.file(component.EntryCA),
	})
	if full[component.EnvS3Bucket] == "" {
		return nil
	}
	isDisabled := certificate.Mode(full[component.EnvS3TLS]) == certificate.Disabled
	endpoint, err := url.Parse(full[component.EnvS3Endpoint])
	switch {
	case err != nil || endpoint.String() != "" && (endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http"):
		return fmt.Errorf("%s, or entry %s/%s, must be https://host:port", component.EnvS3Endpoint, component.ObjectStore, component.EntryURI)
	case endpoint.Scheme == "http" && !isDisabled:
		return fmt.Errorf("%s, or entry %s/%s, begins with http://: use https://, or set %s to %s", component.EnvS3Endpoint,
			component.ObjectStore, component.EntryURI, component.EnvS3TLS, certificate.Disabled)
	case endpoint.Scheme != "http" && isDisabled:
		full[component.EnvS3TLS] = string(certificate.VerifyFull)
	}
	return nil
}

// completeSpeech adds the secrets of the provider of speech. A variable that is set stays.
func completeSpeech(full map[string]string, name component.Name) error {
	if !slices.Contains(component.Readers(component.SpeechProvider), name) {
		return nil
	}
	b, err := readBinding(full[component.EnvBindingRoot], component.SpeechProvider, name)
	if err != nil {
		return err
	}
	fill(full, map[string]string{
		component.EnvSpeechAPIKey: b.entries[component.EntryAPIKey], component.EnvSpeechSecretKey: b.entries[component.EntrySecretKey],
		component.EnvSpeechCA: b.file(component.EntryCA),
	})
	return nil
}

// fill sets what is known and not set yet.
func fill(full, found map[string]string) {
	for variable, value := range found {
		if value != "" && full[variable] == "" {
			full[variable] = value
		}
	}
}
