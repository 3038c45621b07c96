// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

const maxReplicas = 200

func (p *problems) checkServices(spec *ChatClusterSpec) {
	services := &spec.Services
	p.checkGateway(spec)
	p.checkService("spec.services.user", services.User)
	p.checkService("spec.services.friend", services.Friend)
	p.checkService("spec.services.message", services.Message)
	p.checkService("spec.services.transmit", services.Transmit)
	p.checkFile("spec.services.file", services.File)
	p.checkSpeechService("spec.services.speech", spec)
}

func (p *problems) checkService(path string, service *Service) {
	p.within(path+".replicas", *service.Replicas, 1, maxReplicas)
	p.checkResources(path+".resources", service.Resources)
	p.checkAutoscaling(path+".autoscaling", service.Autoscaling)
	if service.Autoscaling != nil {
		p.unless(service.Autoscaling.SessionsPerPod == nil, path+".autoscaling.sessionsPerPod",
			"remove it: only the gateway has sessions, use targetCPUPercent")
	}
	p.checkServicePodTemplate(path+".podTemplate", service.PodTemplate)
}

// checkAutoscaling is C9.
func (p *problems) checkAutoscaling(path string, a *Autoscaling) {
	if a == nil {
		return
	}
	p.within(path+".minReplicas", *a.MinReplicas, 1, maxReplicas)
	p.within(path+".maxReplicas", a.MaxReplicas, 1, maxReplicas)
	p.unless(*a.MinReplicas <= a.MaxReplicas, path+".maxReplicas", "choose at least minReplicas")
	if a.TargetCPUPercent != nil {
		p.within(path+".targetCPUPercent", *a.TargetCPUPercent, 1, 100)
	}
	if a.SessionsPerPod != nil {
		p.within(path+".sessionsPerPod", *a.SessionsPerPod, 1, 1_000_000)
	}
}

func (p *problems) checkGateway(spec *ChatClusterSpec) {
	const path = "spec.services.gateway"
	gateway := spec.Services.Gateway
	p.within(path+".replicas", *gateway.Replicas, 1, maxReplicas)
	p.checkResources(path+".resources", gateway.Resources)
	p.checkAutoscaling(path+".autoscaling", gateway.Autoscaling)
	p.checkServicePodTemplate(path+".podTemplate", gateway.PodTemplate)
	p.within(path+".maxSessionsPerPod", *gateway.MaxSessionsPerPod, 100, 1_000_000)
	p.checkTwoGateways(spec)
	p.checkDrain(path+".drain", gateway)
}

// checkTwoGateways is C2, and that the gateway scales on sessions.
func (p *problems) checkTwoGateways(spec *ChatClusterSpec) {
	const path = "spec.services.gateway"
	production := spec.Profile == ProfileProduction
	gateway := spec.Services.Gateway
	p.unless(!production || *gateway.Replicas >= 2, path+".replicas",
		"Production needs at least 2; set it, or set spec.profile to Development")
	if gateway.Autoscaling == nil {
		return
	}
	p.unless(!production || *gateway.Autoscaling.MinReplicas >= 2, path+".autoscaling.minReplicas",
		"Production needs at least 2; set it, or set spec.profile to Development")
	p.unless(gateway.Autoscaling.TargetCPUPercent == nil, path+".autoscaling.targetCPUPercent",
		"remove it: gateways scale on sessionsPerPod")
}

// checkDrain is C8 and C5.
func (p *problems) checkDrain(path string, gateway *GatewayService) {
	drain := gateway.Drain
	p.within(path+".sessionsPerSecond", *drain.SessionsPerSecond, 1, 100_000)
	timeout, okTimeout := p.duration(path+".timeout", drain.Timeout)
	delay, okDelay := p.duration(path+".initialDelay", drain.InitialDelay)
	jitter, okJitter := p.duration(path+".reconnectJitter", drain.ReconnectJitter)
	deadline, okDeadline := p.duration(path+".reconnectDeadline", drain.ReconnectDeadline)
	if !okTimeout || !okDelay || !okJitter || !okDeadline {
		return
	}
	p.unless(timeout >= 30*time.Second && timeout <= time.Hour, path+".timeout", "choose from 30s to 1h")
	p.unless(jitter < deadline, path+".reconnectJitter", "choose less than reconnectDeadline")
	// Subtracted, because the sum of two huge durations overflows.
	left := timeout - delay - deadline
	if delay > timeout || deadline > timeout || left <= 0 {
		p.add(path+".timeout", "choose more than initialDelay and reconnectDeadline together")
		return
	}
	// C5: two full pods leave in time at the three quarters of the rate that planned moves get.
	needed, possible := 8*int64(*gateway.MaxSessionsPerPod), 3*int64(*drain.SessionsPerSecond)*int64(left/time.Second)
	p.unless(needed <= possible, path, "two full pods cannot be drained in time; "+
		"raise sessionsPerSecond or timeout, or lower maxSessionsPerPod")
}

func (p *problems) checkFile(path string, file *FileService) {
	p.checkService(path, &file.Service)
	for _, size := range []struct {
		name  string
		value *resource.Quantity
	}{
		{".maxFileSize", file.MaxFileSize},
		{".maxImageSize", file.MaxImageSize},
		{".quotaPerUserPerDay", file.QuotaPerUserPerDay},
	} {
		whole, ok := size.value.AsInt64()
		p.unless(ok && whole >= 1 && whole <= 1<<40, path+size.name, "choose a size from 1 byte to 1Ti")
	}
}

// checkSpeechService asks for a digest of its own where all others have one: an image of no known digest would be the
// way around it.
func (p *problems) checkSpeechService(path string, spec *ChatClusterSpec) {
	speech := spec.Services.Speech
	p.checkService(path, &speech.Service)
	image := speech.Image
	if image == nil {
		image = &ServiceImage{}
	}
	p.checkImageName(path+".image", image.Repository, image.Digest)
	pinned := spec.Image != nil && spec.Image.Digest != ""
	p.unless(!pinned || spec.Dependencies.Speech == nil || image.Digest != "", path+".image.digest",
		"write the digest of the image with ffmpeg and PocketSphinx: spec.image.digest is of another image")
}

var resourceNames = []string{"cpu", "memory", "ephemeral-storage"} //nolint:gochecknoglobals // a constant list

func (p *problems) checkResources(path string, resources *Resources) {
	if resources == nil {
		return
	}
	p.checkAmounts(path+".requests", resources.Requests)
	p.checkAmounts(path+".limits", resources.Limits)
	for _, name := range sortedNames(resources.Requests) {
		limit, limited := resources.Limits[name]
		p.unless(!limited || limit.Cmp(resources.Requests[name]) >= 0, path+".limits."+name,
			"choose at least the request")
	}
}

func (p *problems) checkAmounts(path string, amounts ResourceList) {
	for _, name := range sortedNames(amounts) {
		if !slices.Contains(resourceNames, name) {
			p.add(path, fmt.Sprintf("use only %v", resourceNames))
			continue
		}
		amount := amounts[name]
		// 2^53: above it amounts in metrics and JSON lose precision; no machine has as much.
		p.unless(amount.Sign() > 0 && amount.CmpInt64(1<<53) <= 0, path+"."+name, "choose an amount above 0")
	}
}
