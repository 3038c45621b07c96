// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"cmp"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// TestOnlyFilesAndSpeechLeaveForTheirProviders: an object store and a provider of speech may be anywhere, at their
// port, and nobody else goes there but the doctor.
func TestOnlyFilesAndSpeechLeaveForTheirProviders(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/files")
	v := judge(t, in)
	outside := end{name: "outside", address: "203.0.113.9"}
	inside := end{"a store inside", "stores", map[string]string{"app": "store"}, map[string]string{"team": "stores"}, "10.1.3.1"}
	metadata := end{name: "metadata", address: "169.254.169.254"}
	all := ours(t, in)
	if len(all) != len(component.All())+2 { // the Job of the schemas, and the doctor
		t.Fatalf("got pods of %d components", len(all))
	}
	for name, from := range all {
		for port, reader := range map[int32]component.Name{9000: component.File, 8000: component.Speech} {
			want := name == reader || name == component.Doctor
			for _, to := range []end{outside, inside} {
				if got := v.leaves(from, to, corev1.ProtocolTCP, port); got != want {
					t.Errorf("%s → %s:%d is allowed %v, want %v", name, to.name, port, got, want)
				}
			}
			if v.leaves(from, metadata, corev1.ProtocolTCP, port) {
				t.Errorf("%s reaches the metadata of the machine at %d", name, port)
			}
		}
		for _, port := range []int32{80, 443} {
			if v.leaves(from, outside, corev1.ProtocolTCP, port) && !component.WatchesRing(name) {
				t.Errorf("%s may leave the cluster at %d", name, port)
			}
		}
	}
}

// TestPortsOfProviders: the port is that of the address, or the usual one of its scheme.
func TestPortsOfProviders(t *testing.T) {
	t.Parallel()
	outside := end{name: "outside", address: "203.0.113.9"}
	for name, row := range map[string]struct {
		speech chatv1alpha1.Speech
		port   int32 // 0: nowhere
	}{
		"an address with a port": {chatv1alpha1.Speech{Provider: "OpenAI", OpenAI: &chatv1alpha1.OpenAISpeech{BaseURL: "https://asr:8443/v1"}}, 8443},
		"https":                  {chatv1alpha1.Speech{Provider: "OpenAI", OpenAI: &chatv1alpha1.OpenAISpeech{BaseURL: "https://asr"}}, 443},
		"http":                   {chatv1alpha1.Speech{Provider: "OpenAI", OpenAI: &chatv1alpha1.OpenAISpeech{BaseURL: "http://asr"}}, 80},
		"a service of a company": {chatv1alpha1.Speech{Provider: "Baidu"}, 443},
		"within the pod":         {chatv1alpha1.Speech{Provider: "PocketSphinx"}, 0},
	} {
		in := load(t, "testdata/development")
		in.Cluster.Spec.Dependencies.Speech = &row.speech
		v, from := judge(t, in), ours(t, in)[component.Speech]
		for _, port := range []int32{80, 443, 8443} {
			if got := v.leaves(from, outside, corev1.ProtocolTCP, port); got != (port == row.port) {
				t.Errorf("%s: %d is allowed: %t", name, port, got)
			}
		}
	}
}

// TestFilesAndSpeechSeeTheirOwnBindings: nobody else sees their keys, and only files have the key of links.
func TestFilesAndSpeechSeeTheirOwnBindings(t *testing.T) {
	t.Parallel()
	for _, p := range pods(t, children(load(t, "testdata/files"))) {
		name := component.Name(p.meta.Labels[manifest.LabelComponent])
		paths := shown(p.spec)
		for entry, owner := range map[string]component.Name{
			"secret-access-key": component.File, "api-key": component.Speech, "file-link": component.File,
		} {
			sees := slices.Contains(paths, entry)
			if sees != (name == owner) {
				t.Errorf("%s sees %s: %t, of %s", name, entry, sees, paths)
			}
		}
	}
}

// TestPagesMayReachThePublicEndpoint: the file service signs for it, and the gateway names its origin to pages. Both
// have it in their pods' templates, so that another one replaces them, and nobody else.
func TestPagesMayReachThePublicEndpoint(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		endpoint  string
		pathStyle bool
		want      string
	}{
		"none":                             {"", true, ""},
		"the bucket in the path":           {"http://s3.example.com:9000/", true, "http://s3.example.com:9000"},
		"the bucket in the host":           {"https://s3.example.com", false, "https://demo-files.s3.example.com"},
		"the bucket in no host, by number": {"https://203.0.113.7:9000", false, "https://203.0.113.7:9000"},
	} {
		in := load(t, "testdata/files")
		in.Cluster.Spec.Dependencies.ObjectStore.PublicEndpoint, in.Cluster.Spec.Dependencies.ObjectStore.PathStyle = row.endpoint, &row.pathStyle
		for _, p := range pods(t, children(in)) {
			env := map[string]string{}
			for _, variable := range p.spec.Containers[0].Env {
				env[variable.Name] = variable.Value
			}
			who := p.meta.Labels[manifest.LabelComponent]
			want := map[string]string{
				string(component.File): row.endpoint + " for ", string(component.Gateway): " for " + row.want,
			}
			if got := env[component.EnvS3PublicEndpoint] + " for " + env[component.EnvObjectStoreOrigin]; got != cmp.Or(want[who], " for ") {
				t.Errorf("%s: %s has %q, want %q", name, who, got, want[who])
			}
		}
	}
}

// TestTranscriptsAreWishedWhereSomebodyMakesThem: messages ask for them only while a speech service can start.
func TestTranscriptsAreWishedWhereSomebodyMakesThem(t *testing.T) {
	t.Parallel()
	asks := func(change func(*manifest.Input)) bool {
		in := load(t, "testdata/files")
		change(&in)
		all := pods(t, []any{manifest.Deployment(in, component.Message)})
		return slices.ContainsFunc(all[0].spec.Containers[0].Env, func(e corev1.EnvVar) bool {
			return e.Name == component.EnvTranscripts && e.Value == "true"
		})
	}
	if !asks(func(*manifest.Input) {}) {
		t.Error("no transcripts, with a provider")
	}
	if asks(func(in *manifest.Input) { in.Absent = []component.Name{component.Speech} }) {
		t.Error("transcripts, although the Secret of the provider is missing")
	}
	if asks(func(in *manifest.Input) { in.Cluster.Spec.Dependencies.Speech = nil }) {
		t.Error("transcripts without a provider")
	}
}
