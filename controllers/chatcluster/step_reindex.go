// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// reindex runs the Job of a rebuild that somebody asked for, one at a time. What a person must correct here stalls
// nothing.
func (r *Reconciler) reindex(ctx context.Context, p *pass) error {
	p.lookSearch(r.Now())
	for _, key := range slices.Sorted(maps.Keys(p.seen.children)) {
		job, ok := p.seen.children[key].(*batchv1.Job)
		if !ok || !isReindexJob(job.Labels) || job.Name == p.search.job || hasEnded(job) || job.DeletionTimestamp != nil {
			continue
		}
		if _, err := r.apply.Delete(ctx, p.cluster.UID, job); err != nil {
			return p.hinder(writeOutcome(err))
		}
		if isOpen(p.search.status) {
			p.waitForSearch("the Job " + job.Name + ", of another version, store or wish, ends first")
		}
		p.search.start = false
	}
	if !p.search.start {
		return nil
	}
	if _, err := r.apply.Create(ctx, p.cluster.UID, manifest.ReindexJob(p.input, p.search.hash)); err != nil {
		return p.hinder(writeOutcome(err))
	}
	s, started := p.search.status, metav1.NewTime(r.Now().Truncate(time.Second))
	s.Phase, s.Reason, s.Job = chatv1alpha1.SearchRunning, chatv1alpha1.ReasonRebuilding, manifest.ReindexJobName(p.cluster.Name, p.search.hash)
	if s.StartedAt == nil {
		s.StartedAt = &started
	}
	p.search.message = "the Job " + s.Job + " fills a new index while the old one serves"
	return nil
}

// hinder keeps what only a person can help out of the outcome of the pass: it is told where the rebuild is.
func (p *pass) hinder(err error) error {
	stop, isStalled := errors.AsType[*stalledError](err)
	switch {
	case !isStalled && !apierrors.IsInvalid(err):
		return err // tried again soon
	case !isOpen(p.search.status):
		return nil
	case isStalled:
		p.waitForSearch(stop.message)
	default:
		p.waitForSearch("the Job is refused: " + err.Error())
	}
	return nil
}

func hasEnded(job *batchv1.Job) bool {
	for _, condition := range job.Status.Conditions {
		if condition.Status == corev1.ConditionTrue && (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) {
			return true
		}
	}
	return false
}

// searchStatus is what a pass leaves of a rebuild, with the progress that its pod told.
func searchStatus(p *pass, now time.Time) *chatv1alpha1.SearchStatus {
	p.lookSearch(now)
	s, last := p.search.status, p.cluster.Status.Search
	if s == nil || last != nil && !isOpen(last) && last.Number == s.Number {
		return s // it has ended: nothing of it changes any more
	}
	attempts := int32(len(p.seen.podsOf(s.Job))) //nolint:gosec // a Job has few
	if last == nil || last.Job != s.Job {
		s.Attempts = attempts
	}
	s.Attempts = max(s.Attempts, attempts)
	if !isOpen(s) {
		if end := p.seen.reindexResult(s.Job); end.known && end.Total > 0 {
			s.Done, s.Total = end.Done, end.Total
		}
		if s.Phase == chatv1alpha1.SearchCompleted {
			s.Done = s.Total // all that was counted is written, whatever was told last
		}
		return s
	}
	p.takeProgress(s, now)
	return s
}

// takeProgress reads how far the pod is, but not in every pass.
func (p *pass) takeProgress(s *chatv1alpha1.SearchStatus, now time.Time) {
	for _, pod := range p.seen.podsOf(s.Job) {
		told := p.seen.told[pod.Name].Reindex
		if told == nil || told.Total == 0 || told.Done == s.Done && told.Total == s.Total {
			continue
		}
		if p.record != nil {
			if now.Sub(p.record.progressAt) < progressEvery {
				return
			}
			p.record.progressAt = now
		}
		s.Done, s.Total = told.Done, told.Total
	}
}

// searchCondition tells of the rebuild; it is no part of Ready.
func searchCondition(p *pass, s *chatv1alpha1.SearchStatus) metav1.Condition {
	const kind = chatv1alpha1.ConditionSearchRebuilding
	if s == nil {
		return idle(kind)
	}
	status := metav1.ConditionFalse
	if isOpen(s) {
		status = metav1.ConditionTrue
	}
	message := p.search.message
	if message == "" {
		message = lastMessage(&p.cluster.Status, kind, s.Reason)
	}
	return condition(kind, status, s.Reason, message)
}

// lastMessage of a condition that has the reason it had.
func lastMessage(s *chatv1alpha1.ChatClusterStatus, kind, reason string) string {
	for _, last := range s.Conditions {
		if last.Type == kind && last.Reason == reason {
			return last.Message
		}
	}
	return ""
}
