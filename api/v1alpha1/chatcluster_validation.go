// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// FieldError is one thing that is wrong. Message says what to do; neither part holds a value.
// +kubebuilder:object:generate=false
type FieldError struct {
	// Path of the field, for example spec.services.gateway.replicas.
	Path string
	// Message says what to do.
	Message string
}

// Error is the path and the message.
func (e *FieldError) Error() string { return e.Path + ": " + e.Message }

// Validate checks all rules and answers everything that is wrong, in the order of the fields; nil if
// nothing is. Defaults count as if they were written.
func (c *ChatCluster) Validate() []*FieldError {
	full := c.WithDefaults()
	var p problems
	p.checkName(full.Name)
	spec := &full.Spec
	p.checkVersion(spec.Version)
	p.oneOf("spec.profile", string(spec.Profile), "Production", "Development")
	p.checkImage(spec.Image)
	p.oneOf("spec.logLevel", string(spec.LogLevel), "debug", "info", "warn", "error")
	p.checkExposure(spec)
	p.checkPodTemplate("spec.podTemplate", spec.PodTemplate)
	p.checkServices(spec)
	p.checkDependencies(spec)
	p.checkOperation(spec)
	return p.found
}

// Join makes one error of what Validate answers, a line each; nil of nothing.
func Join(found []*FieldError) error {
	all := make([]error, len(found))
	for i, problem := range found {
		all[i] = problem
	}
	return errors.Join(all...)
}

// problems collects what is wrong.
type problems struct{ found []*FieldError }

func (p *problems) add(path, message string) {
	p.found = append(p.found, &FieldError{Path: path, Message: message})
}

func (p *problems) unless(ok bool, path, message string) {
	if !ok {
		p.add(path, message)
	}
}

func (p *problems) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add(path, fmt.Sprintf("choose one of %v", allowed))
	}
}

func (p *problems) within(path string, value, low, high int32) {
	if value < low || value > high {
		p.add(path, fmt.Sprintf("choose a number from %d to %d", low, high))
	}
}

func (p *problems) atMost(path string, count, most int) {
	if count > most {
		p.add(path, fmt.Sprintf("keep at most %d entries", most))
	}
}

// duration answers zero and false for what is no duration.
func (p *problems) duration(path string, value Duration) (time.Duration, bool) {
	parsed, err := value.Parse()
	if err != nil {
		p.add(path, err.Error())
		return 0, false
	}
	return parsed, true
}

var (
	clusterName = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	// semanticVersion is semver.org's pattern without captures.
	semanticVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?` +
		`(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`)
	imageRepository = regexp.MustCompile(`^[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	imageDigest     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// checkName is C1: the longest child and pod names then fit 63 characters.
func (p *problems) checkName(name string) {
	p.unless(len(name) <= 34 && clusterName.MatchString(name), "metadata.name",
		"use at most 34 characters of a-z, 0-9 and -, starting with a letter and not ending with -")
}

func (p *problems) checkVersion(version string) {
	p.unless(len(version) <= 64 && semanticVersion.MatchString(version), "spec.version",
		`write the version to run like "0.3.1", without v`)
}

func (p *problems) checkImage(image *Image) {
	if image == nil {
		return
	}
	p.checkImageName("spec.image", image.Repository, image.Digest)
	p.oneOf("spec.image.pullPolicy", image.PullPolicy, "Always", "IfNotPresent", "Never")
	p.atMost("spec.image.pullSecrets", len(image.PullSecrets), 8)
	seen := map[string]bool{}
	for i, secret := range image.PullSecrets {
		at := fmt.Sprintf("spec.image.pullSecrets[%d].name", i)
		p.checkObjectName(at, secret.Name)
		p.unless(!seen[secret.Name], at, "remove it: the same name is there twice")
		seen[secret.Name] = true
	}
}

// checkImageName accepts empty ones: then there is a default.
func (p *problems) checkImageName(path, repository, digest string) {
	p.unless(repository == "" || imageRepository.MatchString(repository), path+".repository",
		"write the repository without tag and digest, like registry.example.com/parley")
	p.unless(digest == "" || imageDigest.MatchString(digest), path+".digest", "write sha256: and 64 hexadecimal digits")
}

// checkOperation checks keys, accounts and the pace of an upgrade.
func (p *problems) checkOperation(spec *ChatClusterSpec) {
	if spec.Keys != nil {
		p.checkObjectName("spec.keys.name", spec.Keys.Name)
	}
	p.checkAnnotations("spec.serviceAccounts.annotations", spec.ServiceAccounts.Annotations)
	p.checkNetworkPolicy(spec.NetworkPolicy)
	upgrade := spec.Upgrade
	if d, ok := p.duration("spec.upgrade.progressDeadline", upgrade.ProgressDeadline); ok {
		p.unless(d >= time.Minute, "spec.upgrade.progressDeadline", "choose at least 1m")
	}
	if d, ok := p.duration("spec.upgrade.migration.timeout", upgrade.Migration.Timeout); ok {
		p.unless(d > 0, "spec.upgrade.migration.timeout", "choose more than 0s")
	}
	p.within("spec.upgrade.migration.backoffLimit", *upgrade.Migration.BackoffLimit, 0, 10)
	p.checkResources("spec.upgrade.migration.resources", upgrade.Migration.Resources)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
