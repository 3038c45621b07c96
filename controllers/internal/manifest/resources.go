// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

const (
	mebi = 1 << 20
	kibi = 1 << 10
	// gatewayBase and sessionCost are what a gateway needs empty, and for each session.
	gatewayBase = 64 * mebi
	sessionCost = 32 * kibi
	// scratchLimit bounds /tmp; the limit of the pod leaves room for it and for logs.
	scratchLimit = 64 * mebi
)

// amounts is a row of the table of resources: memory is request and limit, CPU has no limit.
type amounts struct {
	milliCPU, memory int64
}

func defaultAmounts(in Input, name component.Name) amounts {
	row := amounts{milliCPU: 250, memory: 256 * mebi}
	switch name {
	case component.Gateway:
		row = amounts{milliCPU: 500, memory: gatewayMemory(*in.Cluster.Spec.Services.Gateway.MaxSessionsPerPod)}
	case component.User:
		// Passwords are hashed in memory, 19 MiB each and two per core at once.
		row = amounts{milliCPU: 250, memory: 512 * mebi}
	case component.File:
		// 64 MiB of parts under way, and pictures of 25 megapixels that are made smaller, one at a time.
		row = amounts{milliCPU: 250, memory: 512 * mebi}
	case component.Message:
		row = amounts{milliCPU: 500, memory: 512 * mebi}
	case component.Migrate:
		row = amounts{milliCPU: 100, memory: 256 * mebi}
	case component.Reindex:
		row = amounts{milliCPU: 250, memory: 256 * mebi}
	case component.Speech:
		row = speechAmounts(in)
	default:
	}
	if in.Cluster.Spec.Profile == chatv1alpha1.ProfileDevelopment {
		row.milliCPU = 50
	}
	return row
}

// speechAmounts are measured: 64 MiB of ours, six children that convert at 56 MiB each, and where PocketSphinx reads,
// two of it at 150 MiB, which want a processor each.
func speechAmounts(in Input) amounts {
	if speech := in.Cluster.Spec.Dependencies.Speech; speech != nil && speech.Provider == "PocketSphinx" {
		return amounts{milliCPU: 1000, memory: 768 * mebi}
	}
	return amounts{milliCPU: 250, memory: 512 * mebi}
}

// heapOf is how much of a limit the Go heap may take. The rest is for what it does not count: stacks of C, file
// buffers, fragmentation; and for speech the programs that it runs.
func heapOf(name component.Name, limit int64) int64 {
	if name == component.Speech {
		return limit / 4
	}
	return limit / 10 * 9
}

// gatewayMemory is rounded up to what an empty gateway needs.
func gatewayMemory(sessions int32) int64 {
	need := gatewayBase + int64(sessions)*sessionCost
	return (need + gatewayBase - 1) / gatewayBase * gatewayBase
}

// resourcesOf lays what the spec says over the table. An amount that is given on one side only moves the
// other side with it where they would contradict, and for memory always: request and limit are the same.
func resourcesOf(in Input, name component.Name) *corev1ac.ResourceRequirementsApplyConfiguration {
	row := defaultAmounts(in, name)
	requests := corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(row.milliCPU, resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(row.memory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(scratchLimit, resource.BinarySI),
	}
	limits := corev1.ResourceList{
		corev1.ResourceMemory:           *resource.NewQuantity(row.memory, resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(4*scratchLimit, resource.BinarySI),
	}
	if given := givenResources(in, name); given != nil {
		overlay(requests, given.Requests)
		overlay(limits, given.Limits)
		reconcile(requests, limits, given)
	}
	return corev1ac.ResourceRequirements().WithRequests(requests).WithLimits(limits)
}

func givenResources(in Input, name component.Name) *chatv1alpha1.Resources {
	switch name {
	case component.Migrate:
		if upgrade := in.Cluster.Spec.Upgrade; upgrade != nil && upgrade.Migration != nil {
			return upgrade.Migration.Resources
		}
		return nil
	case component.Reindex:
		if index := in.Cluster.Spec.Dependencies.Elasticsearch; index != nil && index.Rebuild != nil {
			return index.Rebuild.Resources
		}
		return nil
	default:
		return serviceOf(in, name).Resources
	}
}

func overlay(amounts corev1.ResourceList, given chatv1alpha1.ResourceList) {
	for name, amount := range given {
		amounts[corev1.ResourceName(name)] = amount
	}
}

func reconcile(requests, limits corev1.ResourceList, given *chatv1alpha1.Resources) {
	for name, limit := range limits {
		_, requestGiven := given.Requests[string(name)]
		_, limitGiven := given.Limits[string(name)]
		request, requested := requests[name]
		contradict := requested && request.Cmp(limit) > 0 || name == corev1.ResourceMemory
		switch {
		case requestGiven && !limitGiven && contradict:
			limits[name] = request
		case limitGiven && !requestGiven && contradict:
			requests[name] = limit
		}
	}
}

// memoryLimit is nil where there is none.
func memoryLimit(resources *corev1ac.ResourceRequirementsApplyConfiguration) *resource.Quantity {
	limit, ok := (*resources.Limits)[corev1.ResourceMemory]
	if !ok || limit.Sign() <= 0 {
		return nil
	}
	return &limit
}
