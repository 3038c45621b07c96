// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

const resourcesFile = "../../../docs/reference/resources.md"

// TestTheReferenceListsTheDefaultResources: the page is what the builders make of an empty spec.
func TestTheReferenceListsTheDefaultResources(t *testing.T) {
	t.Parallel()
	got := resourcesPage(t)
	if *update {
		if err := os.WriteFile(resourcesFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(resourcesFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run with -update when this is meant (-want +got):\n%s", diff)
	}
}

func resourcesPage(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	page.WriteString(`# Default resources

Made by the tests of the operator's builders from what they build; do not edit.

What a pod gets where ` + "`services.<component>.resources`, for migrate `upgrade.migration.resources`, for reindex `dependencies.elasticsearch.rebuild.resources`" + `, says nothing. The request of memory is also its limit; CPU has
no limit; Go is told 90 % of the memory, in speech a quarter, because the programs that it runs take the rest. A gateway gets 64 MiB and 32 KiB for each of ` + "`maxSessionsPerPod`" + `, rounded up to 64 MiB: the table shows the default of 20,000.
Speech is shown with PocketSphinx; other providers read elsewhere, and need 512Mi and 250m.
A component with ` + "`autoscaling`" + ` starts with one pod.

| component | replicas, Production | Development | CPU, Production | Development | memory | ephemeral storage, request | limit | grace period |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	production, development := bare(t, chatv1alpha1.ProfileProduction), bare(t, chatv1alpha1.ProfileDevelopment)
	few := podsByComponent(t, development)
	for name, in := range orderedPods(podsByComponent(t, production)) {
		row, other := in.spec.Containers[0].Resources, few[name].spec.Containers[0].Resources
		if row.Requests.Memory().Cmp(*row.Limits.Memory()) != 0 || row.Requests.Memory().Cmp(*other.Requests.Memory()) != 0 {
			t.Errorf("%s: one column of memory is not enough", name)
		}
		if !row.Limits.Cpu().IsZero() {
			t.Errorf("%s has a limit of CPU", name)
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s | %s | %s | %s | %d s |\n", name, count(production, name), count(development, name),
			row.Requests.Cpu(), other.Requests.Cpu(), row.Requests.Memory(),
			row.Requests.StorageEphemeral(), row.Limits.StorageEphemeral(), *in.spec.TerminationGracePeriodSeconds)
	}
	return page.String()
}

// bare has what makes all components run, and nothing else.
func bare(t *testing.T, profile chatv1alpha1.Profile) manifest.Input {
	t.Helper()
	cluster, err := chatv1alpha1.Decode(fmt.Appendf(nil, `apiVersion: chat.parley.dev/v1alpha1
kind: ChatCluster
metadata: {name: demo, namespace: chat}
spec:
  version: "0.1.0"
  profile: %s
  exposure: {host: chat.example.com}
  dependencies: {mysql: {secretRef: {name: a}}, rabbitmq: {secretRef: {name: b}}, elasticsearch: {secretRef: {name: c}}, speech: {provider: PocketSphinx}}`, profile))
	if err != nil {
		t.Fatal(err)
	}
	return input(cluster)
}

func podsByComponent(t *testing.T, in manifest.Input) map[component.Name]pod {
	t.Helper()
	all := map[component.Name]pod{}
	for _, p := range pods(t, children(in)) {
		all[component.Name(p.meta.Labels[manifest.LabelComponent])] = p
	}
	return all
}

func orderedPods(all map[component.Name]pod) func(yield func(component.Name, pod) bool) {
	return func(yield func(component.Name, pod) bool) {
		for _, name := range append(component.All(), component.Jobs()...) {
			if p, runs := all[name]; runs && !yield(name, p) {
				return
			}
		}
	}
}

func count(in manifest.Input, name component.Name) string {
	switch name {
	case component.Migrate, component.Reindex:
		return "a Job"
	case component.Gateway:
		return fmt.Sprint(len(in.Seats))
	default:
		return fmt.Sprint(manifest.Replicas(in, name))
	}
}
