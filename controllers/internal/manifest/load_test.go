// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

func cases(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("testdata/*/chatcluster.yaml")
	if err != nil || len(found) == 0 {
		t.Fatalf("no case under testdata: %v", err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// load reads the ChatCluster of a case as the operator would see it.
func load(t *testing.T, dir string) manifest.Input {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "chatcluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := chatv1alpha1.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if problems := cluster.Validate(); len(problems) > 0 {
		t.Fatalf("%s is not valid: %v", dir, problems)
	}
	return input(cluster)
}

// input binds every store and wants as many seats as replicas say.
func input(cluster *chatv1alpha1.ChatCluster) manifest.Input {
	cluster = cluster.WithDefaults()
	cluster.UID = "6f1c9c0e-5b0a-4c3e-9d0b-2f6f1f3f7a11"
	in := manifest.Input{
		Cluster:           cluster,
		Image:             "registry.example.com/parley:" + cluster.Spec.Version,
		SpeechImage:       "registry.example.com/parley-speech:" + cluster.Spec.Version,
		Version:           cluster.Spec.Version,
		Bindings:          map[component.Dependency]manifest.Binding{},
		BindingHashes:     map[component.Name]string{},
		Keys:              []manifest.Keys{{Secret: manifest.KeysName(cluster.Name), Entries: keysEntries()}},
		OperatorNamespace: "parley-system",
		OperatorLabels:    map[string]string{manifest.LabelName: "parley-operator"},
	}
	if cluster.Spec.Image != nil && cluster.Spec.Image.Digest != "" {
		in.Image = "registry.example.com/parley@" + cluster.Spec.Image.Digest
	}
	in.Bindings[component.MySQL] = binding(&cluster.Spec.Dependencies.MySQL.Source, "mysql.stores.svc", 3307)
	in.Bindings[component.RabbitMQ] = binding(&cluster.Spec.Dependencies.RabbitMQ.Source, "mq.stores.svc", 0)
	if sms := cluster.Spec.Dependencies.SMS; sms != nil && sms.SecretRef != nil {
		b := binding(&chatv1alpha1.Source{SecretRef: sms.SecretRef}, "", 0)
		b.Keys[component.EntryAccessKeySecret] = component.EntryAccessKeySecret
		in.Bindings[component.SMS] = b
	}
	if index := cluster.Spec.Dependencies.Elasticsearch; index != nil {
		in.Bindings[component.Elasticsearch] = binding(&index.Source, "search.stores.svc", 0)
	}
	if store := cluster.Spec.Dependencies.ObjectStore; store != nil {
		in.Bindings[component.ObjectStore] = filesBinding(&store.Source, "s3.stores.svc", 9000)
	}
	if speech := cluster.Spec.Dependencies.Speech; speech != nil && speech.SecretRef != nil {
		in.Bindings[component.SpeechProvider] = filesBinding(&chatv1alpha1.Source{SecretRef: speech.SecretRef}, "", 0)
	}
	for _, store := range []component.Dependency{component.MySQL, component.RabbitMQ} {
		for _, name := range component.Readers(store) {
			in.BindingHashes[name] = "hash-of-" + string(name)
		}
	}
	for seat := range *cluster.Spec.Services.Gateway.Replicas {
		in.Seats = append(in.Seats, seat)
	}
	return in
}

// binding has what a careful administrator puts into a Secret, and a stranger's entry.
func binding(source *chatv1alpha1.Source, host string, port int32) manifest.Binding {
	b := manifest.Binding{Secret: "bound", Keys: map[string]string{}, Source: "bindingRef", Host: host, Port: port}
	for _, entry := range []string{
		component.EntryType, component.EntryHost, component.EntryUsername, component.EntryPassword, component.EntryCA,
		"migration-username", "migration-password", "user-username", "user-password", "other",
	} {
		b.Keys[entry] = entry
	}
	if source.SecretRef != nil {
		b.Secret, b.Source = source.SecretRef.Name, "secretRef"
		maps.Copy(b.Keys, source.SecretRef.Keys)
	}
	return b
}

// filesBinding has what stores of files and providers of speech offer.
func filesBinding(source *chatv1alpha1.Source, host string, port int32) manifest.Binding {
	b := binding(source, host, port)
	for _, entry := range []string{
		component.EntryURI, component.EntryAccessKeyID, component.EntrySecretAccessKey, component.EntryRegion, component.EntryAPIKey,
	} {
		if b.Keys[entry] == "" {
			b.Keys[entry] = entry
		}
	}
	return b
}

// keysEntries has one replaced key.
func keysEntries() []string {
	entries := []string{
		component.PageTokenKey, component.FileLinkKey, component.BindingHashKey,
		component.PreviousPrefix + component.PublicKey(component.Gateway),
		component.PreviousPrefix + component.PrivateKey(component.Gateway),
	}
	for _, name := range component.All() {
		entries = append(entries, component.PrivateKey(name), component.PublicKey(name))
	}
	return entries
}

// children calls every builder, in the order in which the operator applies.
func children(in manifest.Input) []any {
	var all []any
	all = appendAll(all, manifest.ServiceAccounts(in))
	if role := manifest.RingRole(in); role != nil {
		all = append(all, role)
	}
	all = appendAll(all, manifest.RingRoleBindings(in))
	all = append(all, manifest.KeysSecret(in, manifest.KeysName(in.Cluster.Name), map[string][]byte{component.PageTokenKey: []byte("for the test")}))
	all = appendAll(all, manifest.Services(in))
	all = appendAll(all, manifest.PodDisruptionBudgets(in))
	all = appendAll(all, manifest.NetworkPolicies(in))
	all = append(all, manifest.MigrationJob(in, manifest.MigrationHash(in, "")))
	if in.Cluster.Spec.Dependencies.Elasticsearch != nil {
		all = append(all, manifest.ReindexJob(in, manifest.ReindexHash(in, "2026-11-30T12:00:00Z")))
	}
	for _, name := range manifest.Running(in.Cluster) {
		if name != component.Gateway {
			all = append(all, manifest.Deployment(in, name))
		}
		if scaler := manifest.HorizontalPodAutoscaler(in, name); scaler != nil {
			all = append(all, scaler)
		}
	}
	for _, seat := range in.Seats {
		all = append(all, manifest.GatewayDeployment(in, seat))
	}
	return all
}

func appendAll[T any](all []any, some []T) []any {
	for _, one := range some {
		all = append(all, one)
	}
	return all
}

type failer interface {
	Helper()
	Fatal(args ...any)
}

// render writes children as a stream of documents.
func render(t failer, all []any) string {
	t.Helper()
	var text strings.Builder
	for _, child := range all {
		document, err := yaml.Marshal(child)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n")
		text.Write(document)
	}
	return text.String()
}

// decode reads one child as the type that Kubernetes has for it, and refuses what that type lacks.
func decode[T any](t failer, child any) *T {
	t.Helper()
	text, err := json.Marshal(child)
	if err != nil {
		t.Fatal(err)
	}
	object := new(T)
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatal(err)
	}
	return object
}
