// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const (
	// drainTimeout is above the longest drain that a ChatCluster allows, one hour.
	drainTimeout = 65 * time.Minute
	followEvery  = 2 * time.Second
)

func (p *plugin) drainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "drain POD", Short: "Evict a gateway pod and follow until its sessions have moved", Args: cobra.ExactArgs(1),
		Long:              "Evict a gateway pod through the Eviction API, which the PodDisruptionBudget may refuse, and follow it until it is gone.",
		Example:           "  kubectl parley drain demo-gateway-1-7c9f-x2",
		ValidArgsFunction: p.completeGateway,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.open()
			if err != nil {
				return err
			}
			return c.drain(cmd.Context(), p.out, strings.TrimPrefix(args[0], "pod/"))
		},
	}
}

func (c *cluster) drain(ctx context.Context, out io.Writer, name string) error {
	key, pod := client.ObjectKey{Namespace: c.namespace, Name: name}, &corev1.Pod{}
	if err := c.Get(ctx, key, pod); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("namespace %s has no pod %s: kubectl parley sessions lists those of the gateway", c.namespace, name)
		}
		return explain(err, "read pods")
	}
	if pod.Labels[manifest.LabelComponent] != string(component.Gateway) || pod.Labels[manifest.LabelManagedBy] != manifest.ManagedBy {
		return fmt.Errorf("%s is no gateway of a ChatCluster: kubectl parley sessions lists them", name)
	}
	uid := pod.UID
	err := c.evict(ctx, pod)
	switch {
	case apierrors.IsTooManyRequests(err):
		return fmt.Errorf("%s must stay for now: the PodDisruptionBudget allows no further eviction until another gateway is ready again", name)
	case err != nil:
		return explain(err, "evict pods")
	}
	if _, err := fmt.Fprintf(out, "%s is evicted; its sessions move\n", name); err != nil {
		return err
	}
	left := -1
	err = wait.PollUntilContextTimeout(ctx, c.every, drainTimeout, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, key, pod)
		if apierrors.IsNotFound(err) || err == nil && pod.UID != uid {
			return true, nil
		}
		status, asked := c.askStatus(ctx, pod)
		if asked == nil && status.Gateway != nil && status.Gateway.Sessions != left {
			left = status.Gateway.Sessions
			_, err := fmt.Fprintf(out, "%s has %d sessions left\n", name, left)
			return false, err
		}
		return false, nil // an API server that is away for a moment ends nothing
	})
	if err != nil {
		return fmt.Errorf("%s is still there: %w", name, err)
	}
	_, err = fmt.Fprintf(out, "%s is gone\n", name)
	return err
}

// evict asks once. The client would ask ten times more, in silence, when the budget says "later".
func (c *cluster) evict(ctx context.Context, pod *corev1.Pod) error {
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}}
	return c.clientset.CoreV1().RESTClient().Post().
		Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("eviction").
		Body(eviction).MaxRetries(0).Do(ctx).Error()
}

func (p *plugin) restartCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restart NAME [COMPONENT...]", Short: "Replace the pods of all or some components, wave by wave", Args: cobra.MinimumNArgs(1),
		Long: "Set the annotation " + chatv1alpha1.AnnotationRestart + ". The operator replaces the pods wave by wave, gateways one\n" +
			"seat after the other, so that sessions move and nothing is refused. Other components stay.",
		Example:           "  kubectl parley restart demo\n  kubectl parley restart demo message transmit",
		ValidArgsFunction: p.completeRestart,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args[1:] {
				if !slices.Contains(component.All(), component.Name(name)) {
					return fmt.Errorf("there is no component %q: choose from %s", name, strings.Join(componentNames(), ", "))
				}
			}
			c, found, err := p.named(cmd.Context(), args[:1])
			if err != nil {
				return err
			}
			return c.restart(cmd.Context(), p.out, found, args[1:], p.now())
		},
	}
}

func (c *cluster) restart(ctx context.Context, out io.Writer, found *chatv1alpha1.ChatCluster, components []string, now time.Time) error {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		// The operator writes the status of the same object now and then.
		if err := c.Get(ctx, client.ObjectKeyFromObject(found), found); err != nil {
			return err
		}
		before := found.DeepCopy()
		if found.Annotations == nil {
			found.Annotations = map[string]string{}
		}
		found.Annotations[chatv1alpha1.AnnotationRestart] = restartWish(before.Annotations[chatv1alpha1.AnnotationRestart], components, now)
		return c.Patch(ctx, found, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	if err != nil {
		return explain(err, "annotate ChatClusters")
	}
	what := found.Name
	if len(components) > 0 {
		what += ": " + strings.Join(components, ", ")
	}
	_, err = fmt.Fprintf(out, "%s restarts; follow with: kubectl parley -n %s status %s\n", what, found.Namespace, found.Name)
	return err
}

// restartWish keeps what was wished for other components: without their time their pods would be replaced
// once more.
func restartWish(before string, components []string, now time.Time) string {
	at := now.UTC().Format(time.RFC3339)
	if len(components) == 0 {
		return at
	}
	wishes := map[string]string{}
	for _, name := range componentNames() {
		if !strings.Contains(before, "=") {
			wishes[name] = strings.TrimSpace(before)
		}
	}
	for pair := range strings.SplitSeq(before, ",") {
		if name, value, found := strings.Cut(pair, "="); found {
			wishes[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	for _, name := range components {
		wishes[name] = at
	}
	var parts []string
	for _, name := range componentNames() {
		if wishes[name] != "" {
			parts = append(parts, name+"="+wishes[name])
		}
	}
	return strings.Join(parts, ",")
}

func componentNames() []string {
	var names []string
	for _, name := range component.All() {
		names = append(names, string(name))
	}
	return names
}
