// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

const chatPath = "/apis/chat.parley.dev/v1alpha1/namespaces/chat/chatclusters/demo"

func TestReindexAsksTheOperator(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "rebuildfailed.yaml")
	s.conflicts = 2
	if out := mustRun(t, s, "reindex", "demo"); !strings.Contains(out, "kubectl parley -n chat status demo") {
		t.Errorf("it does not say how to follow: %s", out)
	}
	if got := s.objects[chatPath].GetAnnotations()[chatv1alpha1.AnnotationReindex]; got != "2026-11-25T10:00:00Z" {
		t.Errorf("annotation %q", got)
	}
}

func TestReindexShowsTheProgressUntilTheNewIndexServes(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "rebuildfailed.yaml")
	s.search = []chatv1alpha1.SearchStatus{
		{Phase: chatv1alpha1.SearchWaiting, Reason: chatv1alpha1.ReasonRebuildWaiting},
		{Phase: chatv1alpha1.SearchRunning, Reason: chatv1alpha1.ReasonRebuilding},
		{Phase: chatv1alpha1.SearchRunning, Reason: chatv1alpha1.ReasonRebuilding, Done: 300, Total: 1000},
		{Phase: chatv1alpha1.SearchRunning, Reason: chatv1alpha1.ReasonRebuilding, Done: 300, Total: 1000},
		{Phase: chatv1alpha1.SearchRunning, Reason: chatv1alpha1.ReasonRebuilding, Done: 900, Total: 1000},
		{Phase: chatv1alpha1.SearchCompleted, Reason: chatv1alpha1.ReasonRebuilt, Done: 1000, Total: 1000},
	}
	wantGolden(t, "reindex", mustRun(t, s, "reindex", "demo", "--wait"))
}

func TestReindexFailsWithTheRebuild(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "rebuildfailed.yaml")
	s.search = []chatv1alpha1.SearchStatus{{Phase: chatv1alpha1.SearchFailed, Reason: chatv1alpha1.ReasonRebuildFailed}}
	out, err := run(t, s, "reindex", "demo", "--wait")
	if err == nil || !strings.Contains(err.Error(), "RebuildFailed: elasticsearch refuses username and password") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestReindexEndsItsWait: the rebuild goes on, and it says so.
func TestReindexEndsItsWait(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "rebuildfailed.yaml")
	out, err := run(t, s, "reindex", "demo", "--wait", "--timeout", "20ms")
	if err == nil || !strings.Contains(err.Error(), "has not ended yet and goes on") || !strings.Contains(out, "waiting for the operator") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestABarMovesInItsLine: other text begins a line of its own.
func TestABarMovesInItsLine(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	bar := &progress{out: &out, terminal: true}
	for _, done := range []int64{0, 500} {
		if err := bar.show(done, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := bar.say("waiting"); err != nil {
		t.Fatal(err)
	}
	want := "\r[..............................]   0 %  0 of 1000 messages\r[###############...............]  50 %  500 of 1000 messages\nwaiting\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
}
