// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
)

func TestProvidersOfCodes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		provider string
		entries  map[string]string
		reason   string // empty: bound
		says     string
		port     int32
	}{
		"aliyun":                  {provider: "Aliyun", entries: map[string]string{"access-key-id": "id", "access-key-secret": "hidden"}},
		"aliyun without a secret": {provider: "Aliyun", entries: map[string]string{"access-key-id": "id"}, reason: "SMSKeyMissing", says: `"access-key-secret" to the Secret "acme-sms"`},
		"webhook":                 {provider: "Webhook", entries: map[string]string{"uri": "https://sms.example.com/send", "signing-key": "hidden"}},
		"webhook on a port":       {provider: "Webhook", entries: map[string]string{"uri": "https://sms.example.com:8443/", "signing-key": "hidden"}, port: 8443},
		"webhook without a key":   {provider: "Webhook", entries: map[string]string{"uri": "https://sms.example.com/"}, reason: "SMSKeyMissing", says: `"signing-key"`},
		"webhook without TLS":     {provider: "Webhook", entries: map[string]string{"uri": "http://hidden.example.com/", "signing-key": "hidden"}, reason: "SMSInvalid", says: "https://"},
		"webhook on no port":      {provider: "Webhook", entries: map[string]string{"uri": "https://hidden.example.com:0/", "signing-key": "hidden"}, reason: "SMSInvalid", says: "port"},
		"of another kind":         {provider: "Aliyun", entries: map[string]string{"type": "mysql", "access-key-id": "id", "access-key-secret": "hidden"}, reason: "SMSInvalid", says: "sms"},
		"an empty entry":          {provider: "Aliyun", entries: map[string]string{"access-key-id": "", "access-key-secret": "hidden"}, reason: "SMSInvalid", says: "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "acme-sms"}, Data: map[string][]byte{}}
			for entry, value := range row.entries {
				secret.Data[entry] = []byte(value)
			}
			cluster := &chatv1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "acme"}}
			cluster.Spec.Dependencies.SMS = &chatv1alpha1.SMS{Provider: row.provider, SecretRef: &chatv1alpha1.SecretReference{Name: "acme-sms"}}
			got, err := binding.New(fake.NewClientBuilder().WithObjects(secret).Build(), nil).Resolve(t.Context(), cluster)
			if err != nil {
				t.Fatal(err)
			}
			if row.reason == "" {
				if len(got.Problems) > 0 || got.Bindings[component.SMS].Secret != "acme-sms" || got.Bindings[component.SMS].Port != row.port {
					t.Errorf("problems %v, binding %+v", got.Problems, got.Bindings[component.SMS])
				}
				return
			}
			if len(got.Problems) != 1 || got.Problems[0].Reason() != row.reason || !strings.Contains(got.Problems[0].Message, row.says) {
				t.Fatalf("problems %v, want %s with %q", got.Problems, row.reason, row.says)
			}
			if strings.Contains(got.Problems[0].Message, "hidden") {
				t.Errorf("the message shows a value: %s", got.Problems[0].Message)
			}
		})
	}
}

// A provider that no program of this version knows holds nobody up, whatever its Secret lacks.
func TestAnUnknownProviderOfCodesIsNotBound(t *testing.T) {
	t.Parallel()
	cluster := &chatv1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "chat", Name: "acme"}}
	cluster.Spec.Dependencies.SMS = &chatv1alpha1.SMS{
		Provider: "Twilio", Twilio: &chatv1alpha1.TwilioSMS{From: "+15550100"}, SecretRef: &chatv1alpha1.SecretReference{Name: "acme-sms"},
	}
	got, err := binding.New(fake.NewClientBuilder().Build(), nil).Resolve(t.Context(), cluster)
	if err != nil || len(got.Problems) > 0 || got.Bindings[component.SMS].Secret != "" {
		t.Errorf("%v, problems %v, binding %+v", err, got.Problems, got.Bindings[component.SMS])
	}
}
