// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
)

const (
	// longestRequest is how much of the annotation counts: it stands in the status.
	longestRequest = 64
	// progressEvery bounds how often the progress alone changes the status, which makes another pass.
	progressEvery = 10 * time.Second
)

// rebuild is what a pass makes of the wish for a new search index. Its zero value is a pass that has not looked.
type rebuild struct {
	looked bool
	// status is what is known, the progress left out; nil if nobody ever asked.
	status *chatv1alpha1.SearchStatus
	// message of the condition; empty where the last one holds.
	message string
	// job that goes on, if one does; every other one that has not ended must end.
	job string
	// start asks for the Job of this hash.
	start bool
	hash  string
}

// isOpen tells whether there is still something to do.
func isOpen(s *chatv1alpha1.SearchStatus) bool {
	return s != nil && (s.Phase == chatv1alpha1.SearchWaiting || s.Phase == chatv1alpha1.SearchRunning)
}

// requestOf a rebuild; empty without one.
func requestOf(cluster *chatv1alpha1.ChatCluster) string {
	request := strings.TrimSpace(cluster.Annotations[chatv1alpha1.AnnotationReindex])
	return strings.ToValidUTF8(request[:min(len(request), longestRequest)], "")
}

// lookSearch, once the steps are over, decides what becomes of the wish, from the annotation, the last status and the Jobs that are there.
// It is a pure function of what was seen: a pass after a crash decides the same.
func (p *pass) lookSearch(now time.Time) {
	if p.search.looked {
		return
	}
	last, wanted := p.cluster.Status.Search, requestOf(p.cluster)
	p.search = rebuild{looked: true, status: last.DeepCopy()}
	switch {
	case isOpen(last) && wanted == "":
		p.endSearch(now, chatv1alpha1.SearchStopped, chatv1alpha1.ReasonRebuildStopped, "the annotation "+chatv1alpha1.AnnotationReindex+" is gone: the old index serves")
		return
	case wanted == "" || last != nil && !isOpen(last) && last.Request == wanted:
		return // nothing is asked for, or it has ended
	case isOpen(last) && last.Phase == chatv1alpha1.SearchRunning, isOpen(last) && last.Request == wanted:
		// A later wish comes after the one that is under way.
	default:
		p.search.status = &chatv1alpha1.SearchStatus{Request: wanted, Number: 1}
		if last != nil {
			p.search.status.Number = last.Number + 1
		}
	}
	p.followSearch(now)
}

// followSearch goes on with a wish that has not ended.
func (p *pass) followSearch(now time.Time) {
	s := p.search.status
	if p.wish.Spec.Dependencies.Elasticsearch == nil {
		p.endSearch(now, chatv1alpha1.SearchFailed, chatv1alpha1.ReasonNoSearchIndex, "the spec names no Elasticsearch: there is no index to rebuild")
		return
	}
	name, known := s.Job, p.isSearchBound()
	if known {
		p.search.hash = manifest.ReindexHash(p.input, fmt.Sprintf("%d %s", s.Number, s.Request))
		name = manifest.ReindexJobName(p.cluster.Name, p.search.hash)
	}
	job, found := p.seen.reindexJob(cmp.Or(s.Job, name))
	if !found {
		job, found = p.seen.reindexJob(name)
	}
	switch {
	case found && p.concludeSearch(job):
	case found && (job.Name == name || !known):
		p.runSearch(job, now)
	case found:
		// Another program, database or index: the step ends it, and until then it runs.
		p.runSearch(job, now)
		p.search.job = ""
	case !known:
		p.waitForSearch(p.searchProblem())
	case p.isChangingVersion():
		p.waitForSearch("another version comes first: the rebuild begins, or goes on, when it serves")
	case !p.settled:
		p.waitForSearch("the condition Ready says what must come first")
	case p.seen.busyReindexPod() != "":
		p.waitForSearch("pod " + p.seen.busyReindexPod() + " of an earlier try must end first")
	default:
		p.search.start = true
		p.waitForSearch("the Job " + name + " starts")
		s.Job = name
	}
}

// concludeSearch is false for a Job that goes on.
func (p *pass) concludeSearch(job *batchv1.Job) bool {
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			p.search.status.Job = job.Name
			p.endSearch(condition.LastTransitionTime.Time, chatv1alpha1.SearchCompleted, chatv1alpha1.ReasonRebuilt, "the new index serves, the old one is gone")
			p.startedAt(job)
			return true
		case batchv1.JobFailed:
			reason, text := chatv1alpha1.ReasonRebuildFailed, p.seen.reindexResult(job.Name).trouble()
			if condition.Reason == batchv1.JobReasonDeadlineExceeded {
				reason, text = chatv1alpha1.ReasonRebuildOverdue, "the Job "+job.Name+" took longer than dependencies.elasticsearch.rebuild.timeout"
			}
			p.search.status.Job = job.Name
			p.endSearch(condition.LastTransitionTime.Time, chatv1alpha1.SearchFailed, reason, text+"; the old index serves")
			p.startedAt(job)
			return true
		default: // what announces one of the two
		}
	}
	return false
}

func (p *pass) runSearch(job *batchv1.Job, now time.Time) {
	s := p.search.status
	p.search.job, s.Job = job.Name, job.Name
	s.Phase, s.Reason, s.FinishedAt = chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, nil
	p.search.message = "the Job " + job.Name + " fills a new index while the old one serves"
	for _, pod := range p.seen.podsOf(job.Name) {
		if failure := rollout.PodFailure(&pod, now); failure != nil && pod.Status.Phase == corev1.PodPending {
			p.search.message = failure.Message
		}
	}
	p.startedAt(job)
}

// startedAt is when the first Job of a wish was made.
func (p *pass) startedAt(job *batchv1.Job) {
	if p.search.status.StartedAt == nil {
		p.search.status.StartedAt = job.CreationTimestamp.DeepCopy()
	}
}

func (p *pass) waitForSearch(message string) {
	s := p.search.status
	s.Phase, s.Reason, s.Job = chatv1alpha1.SearchWaiting, chatv1alpha1.ReasonRebuildWaiting, ""
	p.search.message = message
}

func (p *pass) endSearch(at time.Time, phase, reason, message string) {
	s := p.search.status
	ended := metav1.NewTime(at)
	s.Phase, s.Reason, s.FinishedAt = phase, reason, &ended
	p.search.message = message
}

// isSearchBound: without the Secret of a store the Job of a rebuild has no name.
func (p *pass) isSearchBound() bool {
	return p.input.Bindings[component.Elasticsearch].Secret != "" && !p.isHeld(component.Reindex)
}

// searchProblem says why no Job can be made.
func (p *pass) searchProblem() string {
	for _, problem := range p.bound.Problems {
		if slices.Contains(component.Readers(problem.Dependency), component.Reindex) {
			return problem.Message
		}
	}
	return "the condition Ready says what must come first"
}

// isChangingVersion: two versions, or none, serve; a rebuild by either would be of the wrong one for the other.
func (p *pass) isChangingVersion() bool {
	return p.cluster.Status.Version != p.wish.Spec.Version || p.cluster.Status.Upgrade != nil || p.plan.Expand
}

// isReindexJob tells the Jobs of rebuilds from those that change the schemas.
func isReindexJob(labels map[string]string) bool {
	return labels[manifest.LabelComponent] == string(component.Reindex)
}

func (o *observed) reindexJob(name string) (*batchv1.Job, bool) {
	job, ok := o.child("Job", name).(*batchv1.Job)
	return job, ok && isReindexJob(job.Labels) && job.DeletionTimestamp == nil
}

func (o *observed) podsOf(job string) []corev1.Pod {
	var list []corev1.Pod
	for _, pod := range o.pods {
		if pod.Labels[batchv1.JobNameLabel] == job {
			list = append(list, pod)
		}
	}
	return list
}

// busyReindexPod is one that may still write to the index; "" if none does.
func (o *observed) busyReindexPod() string {
	for _, pod := range o.pods {
		if isReindexJob(pod.Labels) && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			return pod.Name
		}
	}
	return ""
}

// reindexEnd is what a Job's pods left.
type reindexEnd struct {
	component.ReindexResult
	job   string
	known bool
}

func (o *observed) reindexResult(job string) reindexEnd {
	end := reindexEnd{job: job}
	latest := time.Time{}
	for _, pod := range o.podsOf(job) {
		for _, container := range pod.Status.ContainerStatuses {
			ended := container.State.Terminated
			if ended == nil || ended.FinishedAt.Time.Before(latest) {
				continue
			}
			var result component.ReindexResult
			if json.Unmarshal([]byte(ended.Message), &result) == nil {
				end.ReindexResult, end.known, latest = result, true, ended.FinishedAt.Time
			}
		}
	}
	return end
}

// trouble in words that name no value.
func (e reindexEnd) trouble() string {
	next := "see kubectl logs job/" + e.job
	switch component.Class(e.Reason) {
	case component.ClassAuthFailed:
		return fmt.Sprintf("%s refuses username and password: correct its Secret", e.Store)
	case component.ClassTLSFailed:
		return fmt.Sprintf("the certificate of %s does not fit: see the field tls and the entry ca.crt of its Secret", e.Store)
	case component.ClassUnreachable:
		return fmt.Sprintf("%s does not answer: see that it runs", e.Store)
	case component.ClassUnfit:
		return "the index is foreign, or Elasticsearch is not of version 8 or 9; " + next
	case component.ClassReachable, component.ClassProgramMissing:
	}
	return fmt.Sprintf("the Job %s failed (%s): %s", e.job, cmp.Or(e.Reason, "Failed"), next)
}
