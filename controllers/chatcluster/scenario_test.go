// SPDX-License-Identifier: Apache-2.0

package chatcluster_test

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// The server is shared, and every test has a namespace of its own. The long ones begin first, so that none is alone in
// the end.
func TestServer(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, group := range []map[string]func(*testing.T){long(c), others(c)} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// long are tests that go through all writes of the operator.
func long(c client.WithWatch) map[string]func(*testing.T) {
	const crash = "a crash after any write changes no end, while it "
	all := map[string]func(*testing.T){
		"a view that is late changes no end": func(t *testing.T) { testLate(t, c) },
	}
	maps.Copy(all, sweep(2, "deleted before any write, nothing is left", func(t *testing.T, s share) { testDelete(t, c, s) }))
	maps.Copy(all, sweep(2, crash+"installs", func(t *testing.T, s share) { testCrashOfInstall(t, c, s) }))
	for name, row := range map[string]struct {
		parts       int
		forth, back func(*testing.T, world)
	}{
		"upgrades":        {3, version("0.2.0"), version("0.1.0")},
		"scales":          {1, replicas(4), replicas(2)},
		"changes Secrets": {1, password("second"), password("third")},
		"rebuilds":        {1, request("one"), request("two")},
	} {
		maps.Copy(all, sweep(row.parts, crash+name, func(t *testing.T, s share) { testCrash(t, c, s, row.forth, row.back) }))
	}
	return all
}

// others are tests of one course of events.
func others(c client.WithWatch) map[string]func(*testing.T) {
	all := map[string]func(*testing.T){
		"keys that somebody brings are read":      func(t *testing.T) { testBroughtKeys(t, newWorld(t, c), newWorld(t, c)) },
		"what a person must correct has a reason": func(t *testing.T) { testReasons(t, c) },
		"a lost Secret holds only its readers":    func(t *testing.T) { testLostSecret(t, c) },
		"a failed rollout stops and stays":        func(t *testing.T) { testFailure(t, c) },
	}
	for name, test := range map[string]func(*testing.T, world){
		"an install ends Ready, and then nothing is written": testIdle,
		"labels of others stay":                              testForeignLabels,
		"a stranger's object stays and is named":             testConflict,
		"keys are made once":                                 testKeys,
		"a lost broker holds everything":                     testLostBroker,
		"a store that never was holds the install":           testLostAtOnce,
		"sessions choose the count of seats":                 testSessions,
		"an autoscaler keeps its count":                      testAutoscaler,
		"pods have a say in what runs":                       testStatusVersion,
		"a wave begins after a look past the cache":          testLiveRead,
		"each change is told once":                           testEvents,
		"what no service reads is named":                     testIgnored,
		"an image that nobody has stops the Job":             testUnknownImage,
		"corrected credentials are tried at once":            testCredentials,
		"who sends codes is for the user service":            testCodes,
		"an index is for user and message":                   testSearch,
		"an index that lost events is named":                 testWithdrawnIndex,
		"a rebuild runs beside everything else":              testRebuild,
		"a rebuild that is lost goes on":                     testLostRebuild,
		"a rebuild that failed is told":                      testFailedRebuild,
		"two wishes for a rebuild are two rebuilds":          testTwoRebuilds,
		"a rebuild without an index":                         testNoIndex,
		"a rebuild ends for another version":                 testRebuildAndUpgrade,
		"a wish for a rebuild is taken back":                 testStoppedRebuild,
		"keys of an older operator are completed":            testOlderKeys,
		"a store of files is for the file service":           testObjectStore,
		"speech comes with its provider":                     testSpeech,
		"an install goes on without its speech":              testInstallWithoutSpeech,
		"a cluster of before files gets them":                testWithoutFiles,
	} {
		all[name] = func(t *testing.T) { test(t, newWorld(t, c)) }
	}
	return all
}

func testIdle(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if got := w.cluster(t).Status.Version; got != "0.1.0" {
		t.Errorf("version %q", got)
	}
	idle := immortal()
	for range 20 {
		if err := w.pass(t, idle); err != nil {
			t.Fatal(err)
		}
	}
	if len(idle.writes) > 0 {
		t.Errorf("writes %q", idle.writes)
	}
}

func testForeignLabels(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	d := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: w.key.Namespace, Name: "acme-user"}
	if err := w.Get(t.Context(), key, d); err != nil {
		t.Fatal(err)
	}
	d.Labels["team"] = "blue"
	if err := w.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	w.change(t, func(c *chatv1alpha1.ChatCluster) { c.Spec.LogLevel = "debug" })
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if err := w.Get(t.Context(), key, d); err != nil {
		t.Fatal(err)
	}
	if d.Labels["team"] != "blue" {
		t.Errorf("labels %v", d.Labels)
	}
}

func testConflict(t *testing.T, w world) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-user"}}
	service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	w.mustCreate(t, service)
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonNameConflict)
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Fatal(err)
	}
	if len(service.OwnerReferences) > 0 {
		t.Error("the Service was taken over")
	}
}

func testReasons(t *testing.T, c client.WithWatch) {
	for name, test := range map[string]struct {
		change func(*chatv1alpha1.ChatCluster)
		reason string
	}{
		"no Secret": {func(c *chatv1alpha1.ChatCluster) { c.Spec.Dependencies.MySQL.SecretRef.Name = "none" }, chatv1alpha1.ReasonDependencyNotReady},
		"a Secret without the key": {func(c *chatv1alpha1.ChatCluster) {
			c.Spec.Dependencies.MySQL.SecretRef.Keys = map[string]string{"password": "absent"}
		}, chatv1alpha1.ReasonDependencyNotReady},
		"a version of the future":            {func(c *chatv1alpha1.ChatCluster) { c.Spec.Version = "7.0.0" }, chatv1alpha1.ReasonVersionNotSupported},
		"an image from elsewhere":            {func(c *chatv1alpha1.ChatCluster) { c.Spec.Image.Repository = "elsewhere.example.com/parley" }, chatv1alpha1.ReasonImageNotAllowed},
		"keys of one's own that are missing": {func(c *chatv1alpha1.ChatCluster) { c.Spec.Keys = &chatv1alpha1.KeysReference{Name: "none"} }, chatv1alpha1.ReasonKeysMissing},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			w.mustCreate(t, w.newCluster(t, test.change))
			w.settle(t, immortal())
			w.checkReady(t, metav1.ConditionFalse, test.reason)
		})
	}
}

func testKeys(t *testing.T, w world) {
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-keys"}})
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionFalse, chatv1alpha1.ReasonKeysMissing)
}

// testBroughtKeys: what has an owner of another kind is not ours, and is read like any other Secret.
func testBroughtKeys(t *testing.T, w, source world) {
	source.mustCreate(t, source.newCluster(t))
	source.settle(t, immortal())
	keys := &corev1.Secret{}
	if err := source.Get(t.Context(), source.object("acme-keys"), keys); err != nil {
		t.Fatal(err)
	}
	brought := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.key.Namespace, Name: "acme-keys"}, Data: keys.Data}
	isController := true
	brought.OwnerReferences = []metav1.OwnerReference{{APIVersion: "keys.example.com/v1", Kind: "Vault", Name: "acme", UID: "1", Controller: &isController}}
	w.mustCreate(t, brought)
	w.mustCreate(t, w.newCluster(t))
	w.settle(t, immortal())
	w.checkReady(t, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled)
	if err := w.Get(t.Context(), w.object("acme-keys"), keys); err != nil || len(keys.OwnerReferences) != 1 || keys.OwnerReferences[0].Kind != "Vault" {
		t.Errorf("owners %v, %v", keys.OwnerReferences, err)
	}
}
