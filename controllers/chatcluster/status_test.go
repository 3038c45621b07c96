// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// verdict is what tools that follow kstatus make of conditions.
func verdict(s *chatv1alpha1.ChatClusterStatus, generation int64) string {
	is := func(kind string) bool { return meta.IsStatusConditionTrue(s.Conditions, kind) }
	switch {
	case s.ObservedGeneration < generation:
		return "InProgress"
	case is(chatv1alpha1.ConditionStalled):
		return "Failed"
	case is(chatv1alpha1.ConditionReconciling), !is(chatv1alpha1.ConditionReady):
		return "InProgress"
	default:
		return "Current"
	}
}

// TestStatus looks at a cluster without children: how a pass ended decides.
func TestStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome error
		reason  string
		verdict string
	}{
		"a first pass":                  {nil, chatv1alpha1.ReasonInstalling, "InProgress"},
		"a spec that breaks a rule":     {stalled(chatv1alpha1.ReasonInvalidSpec, "correct it"), chatv1alpha1.ReasonInvalidSpec, "Failed"},
		"a name that somebody else has": {stalled(chatv1alpha1.ReasonNameConflict, "rename it"), chatv1alpha1.ReasonNameConflict, "Failed"},
		"a Secret that is missing":      {waiting(chatv1alpha1.ReasonDependencyNotReady, "create it", time.Minute), chatv1alpha1.ReasonDependencyNotReady, "InProgress"},
		"a Job that runs":               {waiting(chatv1alpha1.ReasonMigrationPending, "wait", time.Second), chatv1alpha1.ReasonMigrationPending, "InProgress"},
		"a server that does not answer": {errors.New("connection refused"), chatv1alpha1.ReasonInstalling, "InProgress"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := &chatv1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 3}}
			cluster.Spec.Version = "0.1.0"
			p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: &observed{}}
			s := statusOf(p, test.outcome, time.Unix(0, 0).UTC())
			ready := meta.FindStatusCondition(s.Conditions, chatv1alpha1.ConditionReady)
			if ready == nil || ready.Reason != test.reason || ready.Message == "" {
				t.Errorf("Ready is %+v", ready)
			}
			if len(s.Conditions) != 8 {
				t.Errorf("%d conditions", len(s.Conditions))
			}
			if got := verdict(&s, cluster.Generation); got != test.verdict {
				t.Errorf("kstatus %s, want %s", got, test.verdict)
			}
		})
	}
}

// TestWhatIsDownIsNamedWhileChatGoesOn: of what pods cannot reach, only the database stops the chat.
func TestWhatIsDownIsNamedWhileChatGoesOn(t *testing.T) {
	t.Parallel()
	for d, want := range map[component.Dependency]struct {
		status metav1.ConditionStatus
		reason string
		ready  string // reason of DependenciesReady
	}{
		component.MySQL:    {metav1.ConditionFalse, chatv1alpha1.ReasonDatabaseDown, "MySQLUnreachable"},
		component.RabbitMQ: {metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, "RabbitMQUnreachable"},
		component.SMS:      {metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, "SMSUnreachable"},

		component.ObjectStore:    {metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, "ObjectStoreUnreachable"},
		component.SpeechProvider: {metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, "SpeechUnreachable"},
	} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			cluster := &chatv1alpha1.ChatCluster{}
			cluster.Status.Version = "0.1.0"
			cluster.Spec.Dependencies.SMS = &chatv1alpha1.SMS{Provider: "Webhook"}
			cluster.Spec.Dependencies.ObjectStore = &chatv1alpha1.ObjectStore{}
			cluster.Spec.Dependencies.Speech = &chatv1alpha1.Speech{Provider: "PocketSphinx"}
			told := map[component.Dependency]component.Class{}
			for _, other := range component.Dependencies() {
				told[other] = component.ClassReachable
			}
			told[d] = component.ClassUnreachable
			p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: &observed{told: map[string]component.Status{"acme-user-1": {Dependencies: told}}}}
			p.bound.Sources = map[component.Dependency]string{}
			s := chatv1alpha1.ChatClusterStatus{Dependencies: dependenciesOf(p)}
			for _, name := range component.All() {
				s.Services = append(s.Services, chatv1alpha1.ServiceStatus{Name: string(name), Ready: 1})
			}
			available := availableCondition(p, &s)
			if available.Status != want.status || available.Reason != want.reason {
				t.Errorf("Available is %+v", available)
			}
			if want.reason == chatv1alpha1.ReasonDegraded && !strings.Contains(available.Message, string(d)) {
				t.Errorf("the message does not name %s: %s", d, available.Message)
			}
			if ready := dependenciesCondition(p, &s); ready.Status != metav1.ConditionFalse || ready.Reason != want.ready {
				t.Errorf("DependenciesReady is %+v", ready)
			}
		})
	}
}

// TestFilesAndSpeechWithoutPods: texts go on, and the condition says what does not.
func TestFilesAndSpeechWithoutPods(t *testing.T) {
	t.Parallel()
	for name, provider := range map[component.Name]string{component.File: "PocketSphinx", component.Speech: "PocketSphinx", "nobody": ""} {
		cluster := &chatv1alpha1.ChatCluster{}
		cluster.Status.Version = "0.1.0"
		if provider != "" {
			cluster.Spec.Dependencies.Speech = &chatv1alpha1.Speech{Provider: provider}
		}
		p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: &observed{}}
		s := chatv1alpha1.ChatClusterStatus{}
		for _, other := range component.All() {
			if other != name && (other != component.Speech || provider != "") {
				s.Services = append(s.Services, chatv1alpha1.ServiceStatus{Name: string(other), Ready: 1})
			}
		}
		want := chatv1alpha1.ReasonDegraded
		if name == "nobody" {
			want = chatv1alpha1.ReasonServing
		}
		if got := availableCondition(p, &s); got.Status != metav1.ConditionTrue || got.Reason != want || want == chatv1alpha1.ReasonDegraded && !strings.HasPrefix(got.Message, string(name)) {
			t.Errorf("without %s: %+v", name, got)
		}
	}
}

// TestAdviceNamesWhatIsSet: what is refused or unfit leads to the field or the entry.
func TestAdviceNamesWhatIsSet(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		d     component.Dependency
		class component.Class
		says  string
	}{
		{component.ObjectStore, component.ClassAuthFailed, "secret-access-key"},
		{component.ObjectStore, component.ClassUnfit, "spec.dependencies.objectStore.bucket"},
		{component.ObjectStore, component.ClassUnreachable, "acme-it"},
		{component.SpeechProvider, component.ClassAuthFailed, "quota"},
		{component.SpeechProvider, component.ClassUnfit, "spec.dependencies.speech"},
		{component.SpeechProvider, component.ClassProgramMissing, "spec.services.speech.image"},
		{component.SMS, component.ClassAuthFailed, "balance"},
		{component.MySQL, component.ClassAuthFailed, "username and password"},
		{component.Elasticsearch, component.ClassUnfit, "indexPrefix"},
	} {
		got := dependencyAdvice(chatv1alpha1.DependencyStatus{Name: string(row.d), Reason: string(row.class), Secret: "acme-it"})
		if !strings.Contains(got, row.says) {
			t.Errorf("%s %s: %q does not say %q", row.d, row.class, got, row.says)
		}
	}
}

// TestOnePodThatSeesAWholeIndexIsEnough: the others have not looked yet, or still fill what is full. Of the rest,
// whoever knows the cause is believed.
func TestOnePodThatSeesAWholeIndexIsEnough(t *testing.T) {
	t.Parallel()
	pod := func(kind string, whole bool, cause component.IndexCause) component.Status {
		return component.Status{Index: &component.IndexStatus{Kind: kind, Whole: whole, Cause: cause}}
	}
	p := &pass{seen: &observed{told: map[string]component.Status{
		"a": pod("messages", false, component.IndexOverflow), "b": pod("messages", true, ""),
		"c": pod("people", false, ""), "d": pod("people", false, component.IndexUncollected), "e": pod("people", false, ""), "f": {},
	}}}
	want := []component.IndexStatus{{Kind: "people", Cause: component.IndexUncollected}}
	for range 20 { // pods come in any order
		if got := lacking(p); !slices.Equal(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}
