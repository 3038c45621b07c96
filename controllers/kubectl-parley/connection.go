// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/net"
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
	// every is how often something is looked at again that somebody waits for.
	every time.Duration
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
		return nil, explain(err, "connect")
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
		name := strings.TrimPrefix(args[0], "chat/")
		err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, found)
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("namespace %s has no ChatCluster %s: kubectl get chat -A lists them, -n names another namespace", c.namespace, name)
		}
		return found, explain(err, "read ChatClusters")
	}
	var list chatv1alpha1.ChatClusterList
	if err := c.List(ctx, &list, client.InNamespace(c.namespace)); err != nil {
		return nil, explain(err, "read ChatClusters")
	}
	switch len(list.Items) {
	case 1:
		return &list.Items[0], nil
	case 0:
		return nil, fmt.Errorf("namespace %s has no ChatCluster: name another with -n", c.namespace)
	default:
		var names []string
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return nil, fmt.Errorf("namespace %s has several ChatClusters: name one of %s", c.namespace, strings.Join(names, ", "))
	}
}

// explain says what helps against an error of the API server.
func explain(err error, action string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not %s: ask for the right that the API server names: %w", action, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server does not know you: renew the credentials of your kubeconfig: %w", err)
	case meta.IsNoMatchError(err):
		return errors.New("this cluster does not know the kind ChatCluster: install the chart parley-crds, or name another cluster with --context")
	case net.IsConnectionRefused(err), net.IsConnectionReset(err), net.IsTimeout(err):
		return fmt.Errorf("the API server does not answer: see --kubeconfig and --context: %w", err)
	default:
		return fmt.Errorf("%s: %w", action, err)
	}
}

// open connects, for commands that do not begin with a ChatCluster.
func (p *plugin) open() (*cluster, error) {
	c, err := p.connection.open()
	if err != nil {
		return nil, err
	}
	c.every = p.every
	return c, nil
}

// named connects and finds the ChatCluster that the arguments name.
func (p *plugin) named(ctx context.Context, args []string) (*cluster, *chatv1alpha1.ChatCluster, error) {
	open, err := p.open()
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
