// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// The functions below offer what may stand in place of an argument. Nothing can be told while somebody
// types: what fails offers nothing.

func (p *plugin) completeName(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list chatv1alpha1.ChatClusterList
	return p.complete(cmd, &list, nil, func() (names []string) {
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names
	})
}

func (p *plugin) completeGateway(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list corev1.PodList
	gateways := client.MatchingLabels{manifest.LabelComponent: string(component.Gateway), manifest.LabelManagedBy: manifest.ManagedBy}
	return p.complete(cmd, &list, gateways, func() (names []string) {
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names
	})
}

func (p *plugin) completeRestart(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return p.completeName(cmd, args, typed)
	}
	left := slices.DeleteFunc(componentNames(), func(name string) bool { return slices.Contains(args[1:], name) })
	return left, cobra.ShellCompDirectiveNoFileComp
}

func (p *plugin) complete(cmd *cobra.Command, list client.ObjectList, selected client.MatchingLabels, names func() []string) ([]string, cobra.ShellCompDirective) {
	c, err := p.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	if err := c.List(cmd.Context(), list, client.InNamespace(c.namespace), selected); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names(), cobra.ShellCompDirectiveNoFileComp
}
