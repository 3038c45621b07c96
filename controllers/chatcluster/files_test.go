// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// generations of all Deployments: what was rolled, has another one.
func (w world) generations(t *testing.T) map[string]int64 {
	t.Helper()
	var list appsv1.DeploymentList
	if err := w.List(t.Context(), &list, client.InNamespace(w.key.Namespace)); err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for i := range list.Items {
		all[list.Items[i].Name] = list.Items[i].Generation
	}
	return all
}

// rolled lists the Deployments that are not as they were before.
func (w world) rolled(t *testing.T, before map[string]int64) []string {
	t.Helper()
	after, names := w.generations(t), []string{}
	for name, generation := range after {
		if before[name] != generation {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (w world) checkRolled(t *testing.T, before map[string]int64, want ...string) {
	t.Helper()
	if got := w.rolled(t, before); !slices.Equal(got, want) {
		t.Errorf("rolled %v, want %v", got, want)
	}
}

func (w world) setSecret(t *testing.T, name string, entries map[string]string) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: name}}
	if w.isGone(t, name, secret) {
		secret.StringData = entries
		w.mustCreate(t, secret)
		return
	}
	secret.Data, secret.StringData = nil, entries
	if err := w.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

func (w world) variable(t *testing.T, deployment, name string) string {
	t.Helper()
	for _, env := range w.deployment(t, deployment).Spec.Template.Spec.Containers[0].Env {
		if env.Name == name {
			return env.Value
		}
	}
	return ""
}

func (w world) service(t *testing.T, name string) chatv1alpha1.ServiceStatus {
	t.Helper()
	for _, s := range w.cluster(t).Status.Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no service %s: %+v", name, w.cluster(t).Status.Services)
	return chatv1alpha1.ServiceStatus{}
}

// testObjectStore: a store of files comes to a cluster that runs, its keys are rotated, and it goes. Only the file
// service, which runs without it too, gets new pods.
func testObjectStore(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if got := w.service(t, "file"); got.Ready != 1 || w.variable(t, "acme-file", component.EnvS3Bucket) != "" {
		t.Errorf("files without a store: %+v", got)
	}
	before := w.generations(t)
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.ObjectStore = &chatv1alpha1.ObjectStore{
			Source: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "acme-files"}},
		}
	})
	w.settle(t, immortal())
	w.checkLost(t, "ObjectStoreSecretMissing", []string{`"acme-files"`})
	keys := map[string]string{"access-key-id": "id", "secret-access-key": "first", "uri": "http://s3.example.com:9000"}
	w.setSecret(t, "acme-files", keys)
	w.settle(t, immortal())
	w.checkLost(t, "ObjectStoreKeyMissing", []string{`"bucket"`, `"acme-files"`})
	w.checkRolled(t, before)
	keys["bucket"] = "acme"
	w.setSecret(t, "acme-files", keys)
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkRolled(t, before, "acme-file")
	if port := w.opens(t, "acme-file", 9000); !port {
		t.Error("no NetworkPolicy lets files reach their store")
	}
	before = w.generations(t)
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.ObjectStore.PublicEndpoint = "https://s3.example.com"
	})
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkRolled(t, before, "acme-file", "acme-gateway-0", "acme-gateway-1")
	if got := w.variable(t, "acme-gateway-0", component.EnvObjectStoreOrigin); got != "https://s3.example.com" {
		t.Errorf("pages may reach %q", got)
	}
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.ObjectStore.PublicEndpoint = "" })
	w.settle(t, immortal())
	for _, password := range []string{"second", "second"} { // the same again is no change
		before = w.generations(t)
		want := []string{}
		if keys["secret-access-key"] != password {
			want = append(want, "acme-file")
		}
		keys["secret-access-key"] = password
		w.setSecret(t, "acme-files", keys)
		w.settle(t, immortal())
		w.checkRolled(t, before, want...)
	}
	before = w.generations(t)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.ObjectStore = nil })
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	w.checkRolled(t, before, "acme-file")
	if w.opens(t, "acme-file", 9000) || w.variable(t, "acme-file", component.EnvS3TLS) != "" {
		t.Error("files still have a store that the spec names no more")
	}
}

// opens tells whether a NetworkPolicy lets pods out at a port.
func (w world) opens(t *testing.T, name string, port int32) bool {
	t.Helper()
	policy := &networkingv1.NetworkPolicy{}
	if err := w.Get(t.Context(), w.object(name), policy); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(policy.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
		return slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == port })
	})
}

// testSpeech: a provider of speech whose Secret is missing holds nothing up. With it the service comes, and
// messages ask for transcripts; a lost Secret leaves the pods; without the provider the service goes.
func testSpeech(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	if got := w.service(t, "speech"); got.Reason != chatv1alpha1.ServiceDisabled || got.Desired != 0 {
		t.Errorf("without a provider: %+v", got)
	}
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.Speech = &chatv1alpha1.Speech{Provider: "Baidu", SecretRef: &chatv1alpha1.SecretReference{Name: "acme-speech"}}
		c.Spec.Services.Gateway.MaxSessionsPerPod = new(int32(10_000))
	})
	w.settle(t, immortal())
	w.checkLost(t, "SpeechSecretMissing", []string{`"acme-speech"`})
	if w.variable(t, "acme-gateway-1", component.EnvGatewayMaxSessions) != "10000" {
		t.Error("a missing provider of speech holds up the gateways")
	}
	if !w.isGone(t, "acme-speech", &appsv1.Deployment{}) || w.variable(t, "acme-message", component.EnvTranscripts) != "" {
		t.Error("speech starts without its Secret")
	}
	w.setSecret(t, "acme-speech", map[string]string{"api-key": "id", "secret-key": "first"})
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if got := w.service(t, "speech"); got.Ready != 1 || w.variable(t, "acme-message", component.EnvTranscripts) != "true" {
		t.Errorf("with a provider: %+v", got)
	}
	for name, want := range map[string]string{"acme-speech": "registry.example.com/parley-speech:0.1.0", "acme-message": "registry.example.com/parley:0.1.0"} {
		if got := w.deployment(t, name).Spec.Template.Spec.Containers[0].Image; got != want {
			t.Errorf("%s runs %s, want %s", name, got, want)
		}
	}
	before := w.generations(t)
	w.setSecret(t, "acme-speech", map[string]string{"api-key": "id", "secret-key": "second"})
	w.settle(t, immortal())
	w.checkRolled(t, before, "acme-speech")
	before = w.generations(t)
	w.remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-speech"}})
	w.settle(t, immortal())
	w.checkLost(t, "SpeechSecretMissing", []string{`"acme-speech"`})
	w.checkRolled(t, before)
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.Speech = nil })
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	for name, kind := range map[string]client.Object{
		"Deployment": &appsv1.Deployment{}, "Service": &corev1.Service{}, "ServiceAccount": &corev1.ServiceAccount{}, "NetworkPolicy": &networkingv1.NetworkPolicy{},
	} {
		if !w.isGone(t, "acme-speech", kind) {
			t.Errorf("the %s of speech stays", name)
		}
	}
	if w.variable(t, "acme-message", component.EnvTranscripts) != "" {
		t.Error("messages ask for transcripts that nobody makes")
	}
}

// testInstallWithoutSpeech: an install whose provider of speech has no Secret goes on without it.
func testInstallWithoutSpeech(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.Speech = &chatv1alpha1.Speech{Provider: "Baidu", SecretRef: &chatv1alpha1.SecretReference{Name: "acme-speech"}}
	}))
	w.settle(t, immortal())
	w.checkLost(t, "SpeechSecretMissing", []string{`"acme-speech"`})
	if got := w.cluster(t).Status; got.Version != "0.1.0" || !strings.HasPrefix(got.Endpoint+got.Ready, "7/7") {
		t.Errorf("version %q, ready %s", got.Version, got.Ready)
	}
	version("0.2.0")(t, w)
	w.settle(t, immortal())
	if got := w.cluster(t).Status.Version; got != "0.2.0" {
		t.Errorf("version %q after an upgrade without the Secret", got)
	}
	w.setSecret(t, "acme-speech", map[string]string{"api-key": "id", "secret-key": "first"})
	w.settle(t, immortal())
	w.checkDone(t, "0.2.0")
}

// testWithoutFiles: a cluster that an operator made which did not know of files yet. The schemas are looked at again
// before the new pods start; the keys are completed; nothing is lost.
func testWithoutFiles(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	var jobs batchv1.JobList
	if err := w.List(t.Context(), &jobs, client.InNamespace(w.key.Namespace)); err != nil || len(jobs.Items) != 1 {
		t.Fatalf("%d Jobs, %v", len(jobs.Items), err)
	}
	older := jobs.Items[0].DeepCopy()
	w.remove(t, &jobs.Items[0])
	older.Name, older.ResourceVersion, older.UID = "acme-migrate-expand-00000000", "", ""
	older.Spec.Selector, older.Spec.ManualSelector = nil, nil
	older.Labels = maps.Clone(older.Labels)
	for _, label := range []string{batchv1.ControllerUidLabel, batchv1.JobNameLabel, "controller-uid", "job-name"} {
		delete(older.Spec.Template.Labels, label)
	}
	older.Status = batchv1.JobStatus{}
	w.mustCreate(t, older)
	w.live(t)
	w.remove(t, w.deployment(t, "acme-file"))
	keys := &corev1.Secret{}
	if err := w.Get(t.Context(), w.object("acme-keys"), keys); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(keys.Data, func(entry string, _ []byte) bool {
		return entry == component.FileLinkKey || strings.Contains(entry, "-file.") || strings.Contains(entry, "-speech.")
	})
	if err := w.Update(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	if err := w.pass(t, immortal()); err != nil {
		t.Fatal(err)
	}
	if !w.isGone(t, "acme-file", &appsv1.Deployment{}) {
		t.Error("files start before their schema is there")
	}
	w.settle(t, immortal())
	w.checkDone(t, "0.1.0")
	if got := w.service(t, "file"); got.Ready != 1 {
		t.Errorf("files: %+v", got)
	}
}
