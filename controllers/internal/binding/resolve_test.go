// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

// server answers Get and nothing else: a list would panic.
type server struct {
	client.Reader
	secrets map[string]map[string][]byte
	// offers is .status.binding.name by the name of a RabbitmqCluster.
	offers map[string]string
	err    error
}

func (s server) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch object := into.(type) {
	case *corev1.Secret:
		data, ok := s.secrets[key.Name]
		if !ok || key.Namespace != "chat" {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
		}
		object.Data = data
		return nil
	case *unstructured.Unstructured:
		if s.err != nil {
			return s.err
		}
		secret, ok := s.offers[key.Name]
		if !ok {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "rabbitmqclusters"}, key.Name)
		}
		return unstructured.SetNestedField(object.Object, secret, "status", "binding", "name")
	default:
		return errors.New("a kind that nobody should read")
	}
}

func cluster(mysql string, broker chatv1alpha1.Source) *chatv1alpha1.ChatCluster {
	return &chatv1alpha1.ChatCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "acme"},
		Spec: chatv1alpha1.ChatClusterSpec{Dependencies: chatv1alpha1.Dependencies{
			MySQL:    &chatv1alpha1.MySQL{Source: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: mysql}}},
			RabbitMQ: &chatv1alpha1.RabbitMQ{Source: broker},
		}},
	}
}

func offered(apiVersion, kind, name string) chatv1alpha1.Source {
	return chatv1alpha1.Source{BindingRef: &chatv1alpha1.BindingReference{APIVersion: apiVersion, Kind: kind, Name: name}}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	rabbit := schema.GroupResource{Group: "rabbitmq.com", Resource: "rabbitmqclusters"}
	for name, test := range map[string]struct {
		broker  chatv1alpha1.Source
		err     error
		reasons []string
		says    string
	}{
		"a binding that is offered":       {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "mq")},
		"a Secret":                        {broker: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "mq-secret"}}},
		"a Secret that is not there":      {broker: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "none"}}, reasons: []string{"RabbitMQSecretMissing"}, says: `"none"`},
		"an object that is not there":     {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "none"), reasons: []string{"RabbitMQBindingNotReady"}, says: `"none"`},
		"an object that offers nothing":   {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "young"), reasons: []string{"RabbitMQBindingNotReady"}, says: ".status.binding.name"},
		"a kind that is not allowed":      {broker: offered("v1", "ConfigMap", "mq"), reasons: []string{"RabbitMQBindingForbidden"}, says: `resource "configmaps", verb get`},
		"a kind of another group":         {broker: offered("evil.example.com/v1beta1", "RabbitmqCluster", "mq"), reasons: []string{"RabbitMQBindingForbidden"}, says: `group "evil.example.com"`},
		"a right that is missing":         {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "mq"), err: apierrors.NewForbidden(rabbit, "mq", errors.New("no")), reasons: []string{"RabbitMQBindingForbidden"}, says: "bindingKinds"},
		"a kind that nobody installed":    {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "mq"), err: &meta.NoKindMatchError{}, reasons: []string{"RabbitMQBindingNotReady"}, says: "install it"},
		"an apiVersion that is no such":   {broker: offered("a/b/c", "RabbitmqCluster", "mq"), reasons: []string{"RabbitMQInvalid"}, says: "apiVersion"},
		"a Secret that lacks an entry":    {broker: chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "half"}}, reasons: []string{"RabbitMQKeyMissing"}, says: `"password"`},
		"a binding of a Secret that left": {broker: offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "left"), reasons: []string{"RabbitMQSecretMissing"}, says: `"gone"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := server{
				secrets: map[string]map[string][]byte{"db": full(), "mq-secret": full(), "half": full("password", "")},
				offers:  map[string]string{"mq": "mq-secret", "young": "", "left": "gone"},
				err:     test.err,
			}
			got, err := binding.New(from, []string{"rabbitmqclusters.rabbitmq.com"}).Resolve(t.Context(), cluster("db", test.broker))
			if err != nil {
				t.Fatal(err)
			}
			var reasons, texts []string
			for _, problem := range got.Problems {
				reasons, texts = append(reasons, problem.Reason()), append(texts, problem.Message)
			}
			if diff := cmp.Diff(test.reasons, reasons); diff != "" || !strings.Contains(strings.Join(texts, "\n"), test.says) {
				t.Errorf("messages %q, reasons %s", texts, diff)
			}
			if _, bound := got.Bindings[component.RabbitMQ]; bound != (test.reasons == nil) || got.Bindings[component.MySQL].Secret != "db" {
				t.Errorf("bindings %v", got.Bindings)
			}
			if hashed := got.Hashes([]byte("key")) != nil; hashed != (test.reasons == nil) {
				t.Errorf("there are hashes: %t", hashed)
			}
		})
	}
}

func TestResolveFailsWithTheServer(t *testing.T) {
	t.Parallel()
	from := server{secrets: map[string]map[string][]byte{"db": full()}, err: apierrors.NewTimeoutError("late", 1)}
	_, err := binding.New(from, []string{"rabbitmqclusters.rabbitmq.com"}).Resolve(t.Context(), cluster("db", offered("rabbitmq.com/v1beta1", "RabbitmqCluster", "mq")))
	if !apierrors.IsTimeout(err) {
		t.Errorf("got %v", err)
	}
}

func TestHashesMoveOnlyReaders(t *testing.T) {
	t.Parallel()
	hashes := func(key, secret string, mysql, broker map[string][]byte) map[component.Name]string {
		t.Helper()
		from := server{secrets: map[string]map[string][]byte{secret: mysql, "mq": broker}}
		got, err := binding.New(from, nil).Resolve(t.Context(), cluster(secret, chatv1alpha1.Source{SecretRef: &chatv1alpha1.SecretReference{Name: "mq"}}))
		if err != nil {
			t.Fatal(err)
		}
		return got.Hashes([]byte(key))
	}
	everyone := []component.Name{"file", "friend", "gateway", "message", "migrate", "reindex", "speech", "transmit", "user"}
	before := hashes("key", "db", full(), full())
	if diff := cmp.Diff(everyone, slices.Sorted(maps.Keys(before))); diff != "" {
		t.Fatal(diff)
	}
	for name, test := range map[string]struct {
		after map[component.Name]string
		moved []component.Name
	}{
		"nothing":                   {hashes("key", "db", full(), full()), nil},
		"a newline at the end":      {hashes("key", "db", full("password", canary+"\n"), full()), nil},
		"an entry that nobody has":  {hashes("key", "db", full("note", "x"), full()), nil},
		"the database's password":   {hashes("key", "db", full("password", "new"), full()), []component.Name{"file", "friend", "message", "migrate", "reindex", "user"}},
		"the broker's password":     {hashes("key", "db", full(), full("password", "new")), []component.Name{"friend", "gateway", "message", "speech", "transmit", "user"}},
		"the user of one component": {hashes("key", "db", full("user-username", "u", "user-password", "p"), full()), []component.Name{"reindex", "user"}},
		"the user of the Job":       {hashes("key", "db", full("migration-username", "u", "migration-password", "p"), full()), []component.Name{"migrate"}},
		"the user of message":       {hashes("key", "db", full("message-username", "u", "message-password", "p"), full()), []component.Name{"message", "reindex"}},
		"another Secret":            {hashes("key", "db2", full(), full()), []component.Name{"file", "friend", "message", "migrate", "reindex", "user"}},
		"another key":               {hashes("other", "db", full(), full()), everyone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var moved []component.Name
			for _, reader := range everyone {
				if before[reader] != test.after[reader] {
					moved = append(moved, reader)
				}
			}
			if diff := cmp.Diff(test.moved, moved); diff != "" {
				t.Error(diff)
			}
		})
	}
}
