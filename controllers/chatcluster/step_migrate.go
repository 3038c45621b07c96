// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/rollout"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

// keptJobs of the schemas stay to be looked at.
const keptJobs = 2

// schemaState is what the Job of the wanted version says.
type schemaState struct {
	job      string
	found    bool
	complete bool
	failed   bool
	attempts int32
	result   component.MigrationResult
	// version and image that the Job ran.
	version, image string
	pods           []corev1.Pod
}

// stuck answers why no pod of the Job will start; nil while there is hope.
func (s schemaState) stuck(now time.Time) *rollout.Failure {
	for i := range s.pods {
		pod := &s.pods[i]
		if pod.Status.Phase != corev1.PodPending || pod.DeletionTimestamp != nil {
			continue
		}
		if failure := rollout.PodFailure(pod, now); failure != nil {
			return failure
		}
	}
	return nil
}

// isOf tells whether the Job was one of this version and image, where its name cannot be computed.
func (s schemaState) isOf(in manifest.Input) bool {
	return s.version == in.Version && s.image == in.Image
}

// migrate plans the pass and runs the Job that changes the schemas before anything of a new version starts.
func (r *Reconciler) migrate(ctx context.Context, p *pass) error {
	job, hash := p.migrationJob()
	if last := p.cluster.Status.Schema; p.isDatabaseLost() && last != nil {
		job = last.Job // without the Secret there is no other
	}
	p.schema = p.seen.schemaOf(job)
	p.look()
	p.plan = upgrade.Next(p.facts())
	switch {
	case p.schema.failed:
		return schemaFailure(p.schema)
	case !p.plan.Expand || p.isDatabaseLost():
		return nil
	case p.schema.found && p.schema.stuck(r.Now()) != nil:
		failure := p.schema.stuck(r.Now())
		return stalled(failure.Reason, failure.Message)
	case p.schema.found:
		return waiting(chatv1alpha1.ReasonMigrationPending, "the Job "+p.schema.job+" changes the schemas", busyPoll)
	}
	if _, err := r.apply.Create(ctx, p.cluster.UID, manifest.MigrationJob(p.input, hash)); err != nil {
		return writeOutcome(err)
	}
	return waiting(chatv1alpha1.ReasonMigrationPending, "the Job "+p.schema.job+" starts", busyPoll)
}

// migrationJob answers the Job of this version, and the hash to make it with.
//
// One that failed with other credentials than those that are there now is not the last word: they are tried
// as if a person had asked for it. Where that went well, later credentials are no reason to look again.
func (p *pass) migrationJob() (name, hash string) {
	retry, bound := p.cluster.Annotations[chatv1alpha1.AnnotationRetry], p.input.BindingHashes[component.Migrate]
	hash = manifest.MigrationHash(p.input, retry)
	name = manifest.JobName(p.cluster.Name, hash)
	first, found := p.seen.child("Job", name).(*batchv1.Job)
	if !found || bound == "" || !p.seen.schemaOf(name).failed || first.Spec.Template.Annotations[manifest.AnnotationBindingHash] == bound {
		return name, hash
	}
	for _, job := range p.jobs() {
		s := p.seen.schemaOf(job.Name)
		// The time has no parts of a second: the next Job may be as old as the first.
		if s.complete && s.isOf(p.input) && !job.CreationTimestamp.Before(&first.CreationTimestamp) {
			return job.Name, hash
		}
	}
	hash = manifest.MigrationHash(p.input, retry+"\x00"+bound)
	return manifest.JobName(p.cluster.Name, hash), hash
}

func schemaFailure(s schemaState) error {
	next := fmt.Sprintf("see kubectl logs job/%s; correct the cause, then set the annotation %s to a new value", s.job, chatv1alpha1.AnnotationRetry)
	switch s.result.Reason {
	case "Dirty":
		return stalled(chatv1alpha1.ReasonSchemaDirty, "a change of the schemas broke off half way: repair them; "+next)
	case "OwnedByAnother":
		return stalled(chatv1alpha1.ReasonDatabaseInUse,
			"another ChatCluster uses these schemas: choose another databasePrefix, or name its UID in "+chatv1alpha1.AnnotationAdoptDatabase)
	case "AuthFailed":
		return stalled(chatv1alpha1.ReasonMigrationFailed, "the database refuses username and password: correct them in the Secret, and they are tried within a minute")
	default:
		return stalled(chatv1alpha1.ReasonMigrationFailed, "the schemas could not be changed ("+cmp.Or(s.result.Reason, "Failed")+"): "+next)
	}
}

// schemaOf reads a Job's result from its conditions, never from counters, and the rest from what its pods
// left as their message.
func (o *observed) schemaOf(name string) schemaState {
	s := schemaState{job: name}
	job, ok := o.child("Job", name).(*batchv1.Job)
	if !ok {
		return s
	}
	s.found, s.version = true, strings.ReplaceAll(job.Labels[manifest.LabelVersion], "_", "+")
	for _, container := range job.Spec.Template.Spec.Containers {
		s.image = container.Image
	}
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		s.complete = s.complete || condition.Type == batchv1.JobComplete
		s.failed = s.failed || condition.Type == batchv1.JobFailed
	}
	for _, pod := range o.pods {
		if pod.Labels[batchv1.JobNameLabel] != name {
			continue
		}
		s.attempts++
		s.pods = append(s.pods, pod)
		for _, container := range pod.Status.ContainerStatuses {
			if ended := container.State.Terminated; ended != nil {
				var result component.MigrationResult
				if json.Unmarshal([]byte(ended.Message), &result) == nil && (s.result.Schemas == nil || result.Schemas != nil) {
					s.result = result
				}
			}
		}
	}
	return s
}

// facts are what the plan is made from.
func (p *pass) facts() upgrade.Facts {
	facts := upgrade.Facts{
		Target: p.wish.Spec.Version, Installed: p.cluster.Status.Version != "", Running: p.seen.versions(),
		Expanded: p.schema.complete && (!p.isDatabaseLost() || p.schema.isOf(p.input)), Components: p.running(), Done: p.done,
	}
	for _, job := range p.jobs() {
		if p.seen.schemaOf(job.Name).complete {
			facts.Schema = job.Labels[manifest.LabelVersion]
			break
		}
	}
	return facts
}

// jobs of the schemas, the newest first.
func (p *pass) jobs() []*batchv1.Job {
	var list []*batchv1.Job
	for _, child := range p.seen.children {
		if job, ok := child.(*batchv1.Job); ok && !isReindexJob(job.Labels) {
			list = append(list, job)
		}
	}
	slices.SortFunc(list, func(a, b *batchv1.Job) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func (p *pass) newestJobs() []string {
	names := []string{p.schema.job}
	for _, job := range p.jobs() {
		if len(names) <= keptJobs && job.Name != p.schema.job {
			names = append(names, job.Name)
		}
	}
	return names
}
