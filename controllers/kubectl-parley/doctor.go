// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const (
	// doctorTimeout bounds the Job, the pull of the image included.
	doctorTimeout = 5 * time.Minute
	// doctorKept is how long a Job that nobody deleted stays, in seconds.
	doctorKept = 300
)

func (p *plugin) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor [NAME]", Short: "Check stores and providers from inside, as the pods see them", Args: cobra.MaximumNArgs(1),
		Long: "Run the checks of `parley doctor` as a Job with the settings and bindings of the message component, and with those of\n" +
			"file and speech for what only they reach; print what the checks say, and remove the Job.",
		Example:           "  kubectl parley doctor demo",
		ValidArgsFunction: p.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			return c.doctor(cmd.Context(), p.out, found.Name, strconv.FormatInt(p.now().Unix(), 36))
		},
	}
}

func (c *cluster) doctor(ctx context.Context, out io.Writer, name, suffix string) error {
	failed, err := c.runAs(ctx, out, name, task{
		as: component.Message, name: name + "-doctor-" + suffix, args: []string{"doctor", string(component.Message)},
		also: []component.Name{component.File, component.Speech},
	})
	switch {
	case err != nil:
		return err
	case failed:
		return errors.New("some checks found a problem: the table says what to do")
	}
	return nil
}

// task is what a Job does with the eyes of a component.
type task struct {
	as   component.Name
	name string // of the Job
	args []string
	// also are components, as far as they are there, whose bindings and settings it has where it has none.
	also []component.Name
}

// runAs runs a task to its end, copies what it says, and removes its Job.
func (c *cluster) runAs(ctx context.Context, out io.Writer, name string, todo task) (failed bool, err error) {
	source := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: c.namespace, Name: manifest.DeploymentName(name, todo.as)}
	if err := c.Get(ctx, key, source); err != nil {
		if apierrors.IsNotFound(err) {
			return false, fmt.Errorf("the component %s is not installed yet: kubectl parley -n %s status %s says what is missing", todo.as, c.namespace, name)
		}
		return false, explain(err, "read Deployments")
	}
	for _, other := range todo.also {
		more := &appsv1.Deployment{}
		err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: manifest.DeploymentName(name, other)}, more)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return false, explain(err, "read Deployments")
		}
		if imageOf(more) != imageOf(source) && more.Status.ReadyReplicas == 0 {
			continue // the Job would wait for an image that perhaps nobody can have; the status tells of it
		}
		lend(&source.Spec.Template.Spec, &more.Spec.Template.Spec)
	}
	job := taskJob(source, name, todo)
	if err := c.Create(ctx, job); err != nil {
		return false, explain(err, "make Jobs")
	}
	defer func() {
		gone := c.Delete(context.WithoutCancel(ctx), job, client.PropagationPolicy(metav1.DeletePropagationBackground))
		err = errors.Join(err, client.IgnoreNotFound(gone))
	}()
	if failed, err = c.waitForJob(ctx, job); err != nil {
		return false, fmt.Errorf("the Job did not end: %w", err)
	}
	return failed, c.copyLogs(ctx, out, job)
}

func imageOf(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }

// lend gives a pod what another one has and it has not: variables, the volumes of bindings, and the image, which is the
// same or has programs beside ours.
func lend(to, from *corev1.PodSpec) {
	borrower, lender := &to.Containers[0], from.Containers[0]
	borrower.Image = lender.Image
	for _, variable := range lender.Env {
		if !slices.ContainsFunc(borrower.Env, func(have corev1.EnvVar) bool { return have.Name == variable.Name }) {
			borrower.Env = append(borrower.Env, variable)
		}
	}
	for _, volume := range from.Volumes {
		if slices.ContainsFunc(to.Volumes, func(have corev1.Volume) bool { return have.Name == volume.Name }) {
			continue
		}
		to.Volumes = append(to.Volumes, volume)
		for _, mount := range lender.VolumeMounts {
			if mount.Name == volume.Name {
				borrower.VolumeMounts = append(borrower.VolumeMounts, mount)
			}
		}
	}
}

// taskJob runs the image of a component with its settings, under labels that no Service selects; a NetworkPolicy
// of the operator lets it reach the stores.
func taskJob(source *appsv1.Deployment, name string, todo task) *batchv1.Job {
	labels := manifest.Selector(name, component.Doctor)
	pod := source.Spec.Template.Spec.DeepCopy()
	pod.RestartPolicy = corev1.RestartPolicyNever
	pod.TopologySpreadConstraints, pod.Affinity = nil, nil
	container := &pod.Containers[0]
	container.Args = todo.args
	container.LivenessProbe, container.ReadinessProbe, container.StartupProbe, container.Lifecycle = nil, nil, nil, nil
	container.Ports = nil
	seconds, never, kept := int64(doctorTimeout.Seconds()), int32(0), int32(doctorKept)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: source.Namespace, Name: todo.name, Labels: labels},
		Spec: batchv1.JobSpec{
			BackoffLimit: &never, ActiveDeadlineSeconds: &seconds, TTLSecondsAfterFinished: &kept,
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: *pod},
		},
	}
}

func (c *cluster) waitForJob(ctx context.Context, job *batchv1.Job) (failed bool, err error) {
	err = wait.PollUntilContextTimeout(ctx, c.every, doctorTimeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return false, err
		}
		for _, condition := range job.Status.Conditions {
			if condition.Status == corev1.ConditionTrue && (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) {
				failed = condition.Type == batchv1.JobFailed
				return true, nil
			}
		}
		return false, nil
	})
	return failed, err
}

func (c *cluster) copyLogs(ctx context.Context, out io.Writer, job *batchv1.Job) error {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(c.namespace), client.MatchingLabels{"job-name": job.Name}); err != nil {
		return err
	}
	for i := range pods.Items {
		stream, err := c.clientset.CoreV1().Pods(c.namespace).GetLogs(pods.Items[i].Name, &corev1.PodLogOptions{}).Stream(ctx)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, stream)
		if err := errors.Join(err, stream.Close()); err != nil {
			return err
		}
	}
	return nil
}
