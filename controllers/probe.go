// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// probeEvery is between two looks at the Deployment, probeTimeout how long one answer may take; chosen.
const (
	probeEvery   = time.Second
	probeTimeout = 10 * time.Second
)

// probe is what it asks.
type probe struct {
	deployment client.ObjectKey
	namespace  string
	wait       time.Duration
}

func newProbeCommand() *cobra.Command {
	var p probe
	command := &cobra.Command{
		Use:   "probe MANIFEST",
		Short: "Tell whether the operator is ready and the API server takes a ChatCluster",
		Long: "Wait until the Deployment of the operator is available, then let the API server check the manifest as if\n" +
			"it were created. Nothing is changed. It is what helm test runs.",
		Example: `  parley-operator probe --deployment parley-operator --deployment-namespace parley-system "$(cat chatcluster.yaml)"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("no API server to talk to: set KUBECONFIG: %w", err)
			}
			config.Timeout = probeTimeout
			c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
			if err != nil {
				return err
			}
			return p.ask(cmd.Context(), cmd.OutOrStdout(), c, args[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&p.deployment.Name, "deployment", "parley-operator", "Deployment of the operator")
	flags.StringVar(&p.deployment.Namespace, "deployment-namespace", "parley-system", "namespace of the Deployment")
	flags.StringVar(&p.namespace, "namespace", "default", "namespace in which the ChatCluster is tried")
	flags.DurationVar(&p.wait, "wait", time.Minute, "how long the Deployment may take")
	return command
}

func (p probe) ask(ctx context.Context, out io.Writer, c client.Client, manifest string) error {
	var last error
	// A look that is under way at the end has its own deadline, so that the error says what was seen.
	err := wait.PollUntilContextTimeout(ctx, probeEvery, p.wait, true, func(context.Context) (bool, error) {
		last = p.available(ctx, c)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the operator is not ready: see its log: %w", errors.Join(last, err))
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		return fmt.Errorf("the manifest cannot be read: %w", err)
	}
	object.SetNamespace(p.namespace)
	if err := c.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		return fmt.Errorf("the API server does not take the ChatCluster: install the chart parley-crds of this version: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s is available, and namespace %s takes a ChatCluster\n", p.deployment.Name, p.namespace)
	return err
}

func (p probe) available(ctx context.Context, c client.Client) error {
	found := &appsv1.Deployment{}
	if err := c.Get(ctx, p.deployment, found); err != nil {
		return err
	}
	if s := found.Status; s.ObservedGeneration < found.Generation || s.AvailableReplicas < 1 || s.UpdatedReplicas != s.Replicas {
		return fmt.Errorf("%d of %d pods are available", s.AvailableReplicas, s.Replicas)
	}
	return nil
}
