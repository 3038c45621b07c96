// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// connection says which API server and namespace are meant.
type connection struct {
	kubeconfig, context, namespace string
}

// cluster is an open connection.
type cluster struct {
	client.Client
	config    *rest.Config
	clientset kubernetes.Interface
	namespace string
}

func (c connection) open() (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster to talk to: set KUBECONFIG or --kubeconfig: %w", err)
	}
	namespace := c.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, err
		}
	}
	kinds, err := newScheme()
	if err != nil {
		return nil, err
	}
	direct, err := client.New(config, client.Options{Scheme: kinds})
	if err != nil {
		return nil, fmt.Errorf("the API server does not answer: %w", err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{Client: direct, config: config, clientset: clientset, namespace: namespace}, nil
}

func newScheme() (*runtime.Scheme, error) {
	kinds := runtime.NewScheme()
	return kinds, errors.Join(scheme.AddToScheme(kinds), chatv1alpha1.AddToScheme(kinds))
}

// find answers the named ChatCluster, or without a name the only one of the namespace.
func (c *cluster) find(ctx context.Context, args []string) (*chatv1alpha1.ChatCluster, error) {
	if len(args) > 0 {
		found := &chatv1alpha1.ChatCluster{}
		err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: strings.TrimPrefix(args[0], "chat/")}, found)
		return found, err
	}
	var list chatv1alpha1.ChatClusterList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace)); err != nil {
		return nil, err
	}
	switch len(list.Items) {
	case 1:
		return &list.Items[0], nil
	case 0:
		return nil, fmt.Errorf("namespace %s has no ChatCluster: name another with -n", c.namespace)
	default:
		return nil, fmt.Errorf("namespace %s has %d ChatClusters: name one", c.namespace, len(list.Items))
	}
}

// named opens the connection and finds the ChatCluster that the arguments name.
func (c connection) named(ctx context.Context, args []string) (*cluster, *chatv1alpha1.ChatCluster, error) {
	open, err := c.open()
	if err != nil {
		return nil, nil, err
	}
	found, err := open.find(ctx, args)
	return open, found, err
}

// ofInstance selects the children of a ChatCluster.
func ofInstance(name string) client.MatchingLabels {
	return client.MatchingLabels{manifest.LabelInstance: name, manifest.LabelManagedBy: manifest.ManagedBy}
}
