// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// testCodes: a provider of codes comes to a cluster that runs. What its Secret lacks is named while everything
// else goes on; then only the user service gets new pods.
func testCodes(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	before := w.deployment(t, "acme-message").Generation
	w.change(t, func(c *chatv1alpha1.ChatCluster) {
		c.Spec.Dependencies.SMS = &chatv1alpha1.SMS{Provider: "Webhook", SecretRef: &chatv1alpha1.SecretReference{Name: "acme-sms"}}
	})
	w.settle(t, immortal())
	w.checkLost(t, "SMSSecretMissing", []string{`"acme-sms"`})
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-sms"},
		StringData: map[string]string{"uri": "https://sms.example.com/send"},
	}
	w.mustCreate(t, secret)
	w.settle(t, immortal())
	w.checkLost(t, "SMSKeyMissing", []string{`"signing-key"`, `"acme-sms"`})
	secret.StringData = map[string]string{"signing-key": "hidden"}
	if err := w.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	sees := func(name string) bool {
		return slices.ContainsFunc(w.deployment(t, name).Spec.Template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "binding-sms" })
	}
	if !sees("acme-user") || sees("acme-message") {
		t.Errorf("user sees the Secret: %t, message: %t", sees("acme-user"), sees("acme-message"))
	}
	if got := w.deployment(t, "acme-message").Generation; got != before {
		t.Errorf("message was rolled: generation %d, before %d", got, before)
	}
	found := slices.IndexFunc(w.cluster(t).Status.Dependencies, func(d chatv1alpha1.DependencyStatus) bool { return d.Name == "sms" })
	if found < 0 || w.cluster(t).Status.Dependencies[found].Ready != metav1.ConditionTrue {
		t.Errorf("dependencies %+v", w.cluster(t).Status.Dependencies)
	}
}
