// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/hack/retry"
)

// What a moment may be, in the words of kstatus.
const (
	current    = status.CurrentStatus
	inProgress = status.InProgressStatus
	failed     = status.FailedStatus
)

// lag is how long a status may say that all is well after a pod has died; chosen.
const lag = 10 * time.Second

// judged is what tools that know nothing of the kind make of the object.
func judged(object *chatv1alpha1.ChatCluster) (status.Status, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return "", err
	}
	content["apiVersion"], content["kind"] = chatv1alpha1.GroupVersion().String(), "ChatCluster"
	result, err := status.Compute(&unstructured.Unstructured{Object: content})
	if err != nil {
		return "", err
	}
	return result.Status, nil
}

// truth is that all pods are as the spec wishes and that the way in answers; an error says what is not so.
func (c *chat) truth(ctx context.Context, object *chatv1alpha1.ChatCluster) error {
	if err := c.asWished(ctx, object); err != nil {
		return err
	}
	address, err := c.address(ctx, chatName+"-gateway", component.PublicPort)
	if err != nil {
		return err
	}
	return retry.Answers(ctx, "http://"+address+"/")
}

// asWished looks at the Deployments.
func (c *chat) asWished(ctx context.Context, object *chatv1alpha1.ChatCluster) error {
	deployments, err := c.deployments(ctx)
	if err != nil {
		return err
	}
	wanted := int(*object.Spec.Services.Gateway.Replicas) + len(running()) - 1
	if len(deployments) != wanted {
		return fmt.Errorf("there are %d Deployments, want %d", len(deployments), wanted)
	}
	for name, d := range deployments {
		if err := rolledOut(d, object.Spec); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func rolledOut(d appsv1.Deployment, wish chatv1alpha1.ChatClusterSpec) error {
	image, s := d.Spec.Template.Spec.Containers[0].Image, d.Status
	repository := ""
	if wish.Image != nil {
		repository = wish.Image.Repository
	}
	switch {
	case !strings.HasSuffix(image, ":"+wish.Version) || !strings.HasPrefix(image, repository):
		return fmt.Errorf("runs %s", image)
	case s.ObservedGeneration != d.Generation:
		return errors.New("has a spec that nobody has looked at")
	case s.UpdatedReplicas != *d.Spec.Replicas || s.Replicas != *d.Spec.Replicas || s.AvailableReplicas != *d.Spec.Replicas:
		return fmt.Errorf("%d pods, %d new, %d available, want %d", s.Replicas, s.UpdatedReplicas, s.AvailableReplicas, *d.Spec.Replicas)
	}
	return nil
}

// agrees checks that kstatus, the condition Ready and the columns of kubectl say the same, and that it is
// the truth. The object must not change meanwhile: then it looks again.
func (c *chat) agrees(ctx context.Context, want status.Status) error {
	return until(ctx, func(ctx context.Context) error {
		before, err := c.get(ctx)
		if err != nil {
			return err
		}
		line, err := c.here(ctx, "get", "chat", chatName, "--no-headers")
		if err != nil {
			return err
		}
		truth := c.truth(ctx, before)
		after, err := c.get(ctx)
		if err != nil {
			return err
		}
		if before.ResourceVersion != after.ResourceVersion {
			return errors.New("the status changes")
		}
		return consistent(after, line, truth, want)
	})
}

func consistent(object *chatv1alpha1.ChatCluster, line string, truth error, want status.Status) error {
	got, err := judged(object)
	if err != nil {
		return err
	}
	ready := meta.FindStatusCondition(object.Status.Conditions, chatv1alpha1.ConditionReady)
	if ready == nil {
		return errors.New("there is no condition Ready")
	}
	isReady := ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.Generation
	columns := strings.Fields(line)
	switch {
	case got != want:
		return fmt.Errorf("kstatus says %s, want %s; Ready is %s (%s: %s)", got, want, ready.Status, ready.Reason, ready.Message)
	case isReady != (got == current):
		return fmt.Errorf("kstatus says %s, Ready is %s for generation %d of %d", got, ready.Status, ready.ObservedGeneration, object.Generation)
	case len(columns) < 3 || columns[1] != ready.Reason || columns[2] != object.Status.Ready:
		return fmt.Errorf("kubectl get prints %q, the status says %s and %s", line, ready.Reason, object.Status.Ready)
	case isReady != (truth == nil):
		return fmt.Errorf("Ready is %s (%s); the pods: %w", ready.Status, ready.Reason, truth)
	}
	return nil
}

// watchLies looks at the status until stop is called, and fails the test if it says for longer than the lag
// that all is well while it is not.
func (c *chat) watchLies(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		wrong := time.Duration(0)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			problem := c.lie(ctx)
			if problem == nil {
				wrong = 0
				continue
			}
			if wrong += lookEvery; wrong > lag && ctx.Err() == nil {
				t.Errorf("the status is Current, the truth is another: %v", problem)
				wrong = 0
			}
		}
	}()
	return func() { cancel(); <-over }
}

func (c *chat) lie(ctx context.Context) error {
	object, err := c.get(ctx)
	if err != nil {
		return nil //nolint:nilerr // says nothing
	}
	if got, err := judged(object); err != nil || got != current {
		return err
	}
	return c.asWished(ctx, object)
}
