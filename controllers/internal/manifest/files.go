// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"net/url"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// usualRegion is what a spec that says nothing has.
const usualRegion = "us-east-1"

const (
	portHTTP  = 80
	portHTTPS = 443
)

// addFiles is what a file service needs beside its schema, and what the gateway knows of files.
func (e *environment) addFiles(in Input, name component.Name) {
	if host := in.Cluster.Spec.Exposure.FilesHost; host != "" && (name == component.File || name == component.Gateway) {
		e.add(component.EnvFilesOrigin, "https://"+host)
	}
	store := in.Cluster.Spec.Dependencies.ObjectStore
	if name == component.Gateway && store != nil && store.PublicEndpoint != "" {
		e.add(component.EnvObjectStoreOrigin, component.ObjectStoreOrigin(store.PublicEndpoint, store.Bucket, *store.PathStyle))
	}
	if name != component.File {
		return
	}
	limits := in.Cluster.Spec.Services.File
	e.add(component.EnvFileMaxBytes, bytes(limits.MaxFileSize))
	e.add(component.EnvFileMaxImageBytes, bytes(limits.MaxImageSize))
	e.add(component.EnvFileDailyBytes, bytes(limits.QuotaPerUserPerDay))
	if store == nil {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvS3TLS, string(store.TLS))
	e.add(component.EnvS3Bucket, store.Bucket)
	if bound := in.Bindings[component.ObjectStore].Keys[component.EntryRegion] != ""; !bound || store.Region != usualRegion {
		e.add(component.EnvS3Region, store.Region)
	}
	e.add(component.EnvS3PathStyle, strconv.FormatBool(*store.PathStyle))
	if store.PublicEndpoint != "" {
		e.add(component.EnvS3PublicEndpoint, store.PublicEndpoint)
	}
}

func bytes(size *resource.Quantity) string { return strconv.FormatInt(size.Value(), 10) }

// addSpeech is for the speech service; the message service asks for transcripts only while there is one.
func (e *environment) addSpeech(in Input, name component.Name) {
	speech := in.Cluster.Spec.Dependencies.Speech
	if speech == nil {
		return
	}
	if name == component.Message && !slices.Contains(in.Absent, component.Speech) {
		e.add(component.EnvTranscripts, "true")
	}
	if name != component.Speech {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvSpeechProvider, speech.Provider)
	e.add(component.EnvSpeechMaxDuration, string(speech.MaxDuration))
	if server := speech.OpenAI; server != nil {
		e.add(component.EnvSpeechURL, server.BaseURL)
		e.add(component.EnvSpeechModel, server.Model)
		e.add(component.EnvSpeechLanguage, server.Language)
	}
}

// speechPort is where a provider of speech listens; 0 for one within the pod.
func speechPort(speech *chatv1alpha1.Speech) int32 {
	switch {
	case speech.OpenAI != nil:
		return addressPort(speech.OpenAI.BaseURL)
	case speech.Provider == "PocketSphinx":
		return 0
	default:
		return portHTTPS
	}
}

// addressPort of an address that validation has seen.
func addressPort(address string) int32 {
	parsed, err := url.Parse(address)
	if err != nil {
		return portHTTPS
	}
	if port, err := strconv.ParseUint(parsed.Port(), 10, 16); err == nil && port > 0 {
		return int32(port)
	}
	if parsed.Scheme == "http" {
		return portHTTP
	}
	return portHTTPS
}
