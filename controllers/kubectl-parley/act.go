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
		Long:    "Evict a gateway pod through the Eviction API, which the PodDisruptionBudget may refuse, and follow it until it is gone.",
		Example: "  kubectl parley drain demo-gateway-1-7c9f-x2",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.connection.open()
			if err != nil {
				return err
			}
			return drain(cmd.Context(), p.out, c.Client, client.ObjectKey{Namespace: c.namespace, Name: args[0]}, c.askStatus)
		},
	}
}

func drain(ctx context.Context, out io.Writer, c client.Client, key client.ObjectKey, ask func(context.Context, *corev1.Pod) (component.Status, error)) error {
	pod := &corev1.Pod{}
	if err := c.Get(ctx, key, pod); err != nil {
		return err
	}
	if pod.Labels[manifest.LabelComponent] != string(component.Gateway) || pod.Labels[manifest.LabelManagedBy] != manifest.ManagedBy {
		return fmt.Errorf("%s is no gateway of a ChatCluster: kubectl parley sessions lists them", key.Name)
	}
	uid := pod.UID
	err := c.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
	switch {
	case apierrors.IsTooManyRequests(err):
		return fmt.Errorf("%s must stay for now: the PodDisruptionBudget allows no further eviction until another gateway is ready again", key.Name)
	case err != nil:
		return err
	}
	if _, err := fmt.Fprintf(out, "%s is evicted; its sessions move\n", key.Name); err != nil {
		return err
	}
	left := -1
	err = wait.PollUntilContextTimeout(ctx, followEvery, drainTimeout, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, key, pod)
		if apierrors.IsNotFound(err) || err == nil && pod.UID != uid {
			return true, nil
		}
		status, asked := ask(ctx, pod)
		if asked == nil && status.Gateway != nil && status.Gateway.Sessions != left {
			left = status.Gateway.Sessions
			_, err = fmt.Fprintf(out, "%s has %d sessions left\n", key.Name, left)
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("%s is still there: %w", key.Name, err)
	}
	_, err = fmt.Fprintf(out, "%s is gone\n", key.Name)
	return err
}

func (p *plugin) restartCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restart NAME [COMPONENT...]", Short: "Replace the pods of all or some components, wave by wave", Args: cobra.MinimumNArgs(1),
		Example: "  kubectl parley restart demo\n  kubectl parley restart demo message transmit",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.connection.named(cmd.Context(), args[:1])
			if err != nil {
				return err
			}
			return restart(cmd.Context(), p.out, c.Client, found, args[1:], p.now())
		},
	}
}

func restart(ctx context.Context, out io.Writer, c client.Client, found *chatv1alpha1.ChatCluster, components []string, now time.Time) error {
	at := now.UTC().Format(time.RFC3339)
	value := at
	if len(components) > 0 {
		var parts []string
		for _, name := range components {
			if !slices.Contains(component.All(), component.Name(name)) {
				return fmt.Errorf("there is no component %q: %v", name, component.All())
			}
			parts = append(parts, name+"="+at)
		}
		value = strings.Join(parts, ",")
	}
	before := found.DeepCopy()
	if found.Annotations == nil {
		found.Annotations = map[string]string{}
	}
	found.Annotations[chatv1alpha1.AnnotationRestart] = value
	if err := c.Patch(ctx, found, client.MergeFrom(before)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s restarts; follow with: kubectl parley -n %s status %s\n", found.Name, found.Namespace, found.Name)
	return err
}
