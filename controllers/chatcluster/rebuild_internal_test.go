// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// wishing is a pass over a ChatCluster that runs, with an index and a wish for a rebuild.
func wishing(request string) *pass {
	cluster := &chatv1alpha1.ChatCluster{ObjectMeta: metav1.ObjectMeta{Name: "acme", Annotations: map[string]string{chatv1alpha1.AnnotationReindex: request}}}
	cluster.Spec.Version, cluster.Status.Version = "0.1.0", "0.1.0"
	cluster.Spec.Dependencies.Elasticsearch = &chatv1alpha1.Elasticsearch{}
	p := &pass{cluster: cluster, wish: cluster.DeepCopy().WithDefaults(), seen: &observed{}, record: &record{}, settled: true}
	p.input = manifest.Input{
		Cluster: p.wish, Version: "0.1.0",
		Bindings: map[component.Dependency]manifest.Binding{component.Elasticsearch: {Secret: "s"}},
	}
	return p
}

func reindexJob(p *pass, kind batchv1.JobConditionType) *batchv1.Job {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{manifest.LabelComponent: string(component.Reindex)}}}
	job.Name = manifest.ReindexJobName("acme", manifest.ReindexHash(p.input, "1 one"))
	if kind != "" {
		job.Status.Conditions = []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue}}
	}
	return job
}

// TestWhatBecomesOfAWish where a pass ended early, or the status was lost.
func TestWhatBecomesOfAWish(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change      func(*pass)
		phase, says string
		start       bool
	}{
		"a wish":                               {func(*pass) {}, chatv1alpha1.SearchWaiting, "starts", true},
		"a pass that stopped before":           {func(p *pass) { p.settled = false }, chatv1alpha1.SearchWaiting, "condition Ready", false},
		"a spec that breaks a rule":            {func(p *pass) { p.settled, p.input = false, manifest.Input{} }, chatv1alpha1.SearchWaiting, "condition Ready", false},
		"an install that has not ended":        {func(p *pass) { p.cluster.Status.Version = "" }, chatv1alpha1.SearchWaiting, "version", false},
		"an upgrade that was given up":         {func(p *pass) { p.cluster.Status.Upgrade = &chatv1alpha1.UpgradeStatus{} }, chatv1alpha1.SearchWaiting, "version", false},
		"a Job, and a status that was lost":    {func(p *pass) { see(p, reindexJob(p, "")) }, chatv1alpha1.SearchRunning, "fills", false},
		"a Job that ended, and a lost status":  {func(p *pass) { see(p, reindexJob(p, batchv1.JobComplete)) }, chatv1alpha1.SearchCompleted, "serves", false},
		"a Job that failed, and a lost status": {func(p *pass) { see(p, reindexJob(p, batchv1.JobFailed)) }, chatv1alpha1.SearchFailed, "kubectl logs", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wishing("one")
			test.change(p)
			s := searchStatus(p, time.Unix(0, 0))
			condition := searchCondition(p, s)
			if s.Phase != test.phase || !strings.Contains(condition.Message, test.says) || p.search.start != test.start {
				t.Errorf("%+v, %+v, starts %t", s, condition, p.search.start)
			}
		})
	}
}

func see(p *pass, job *batchv1.Job) {
	p.seen.children = map[string]client.Object{childKey("Job", job.Name): job}
}

// TestOnlyTheStartOfAWishCounts: the annotation may hold anything, the status may not.
func TestOnlyTheStartOfAWishCounts(t *testing.T) {
	t.Parallel()
	for wish, want := range map[string]string{
		" one\n": "one", "": "", strings.Repeat("x", 100): strings.Repeat("x", 64), strings.Repeat("x", 63) + "é": strings.Repeat("x", 63),
	} {
		if got := requestOf(wishing(wish).cluster); got != want {
			t.Errorf("%q: got %q", wish, got)
		}
	}
}

// TestAHindranceStallsNothing: what only a person can help is told where the rebuild is.
func TestAHindranceStallsNothing(t *testing.T) {
	t.Parallel()
	p := wishing("one")
	p.lookSearch(time.Unix(0, 0))
	if err := p.hinder(stalled(chatv1alpha1.ReasonQuotaExceeded, "raise the quota")); err != nil {
		t.Error(err)
	}
	s := searchStatus(p, time.Unix(0, 0))
	if got := searchCondition(p, s); s.Phase != chatv1alpha1.SearchWaiting || got.Message != "raise the quota" {
		t.Errorf("%+v, %+v", s, got)
	}
	if err := p.hinder(errors.New("connection refused")); err == nil {
		t.Error("what is tried again is not told to be")
	}
}
