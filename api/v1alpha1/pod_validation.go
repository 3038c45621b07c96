// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const maxPodMap = 32

func (p *problems) checkPodTemplate(path string, pod *PodTemplate) {
	if pod == nil {
		return
	}
	p.checkServicePodTemplate(path, &pod.ServicePodTemplate)
	p.checkAffinity(path+".affinity", pod.Affinity)
	p.checkSpread(path+".topologySpreadConstraints", pod.TopologySpreadConstraints)
}

func (p *problems) checkServicePodTemplate(path string, pod *ServicePodTemplate) {
	if pod == nil {
		return
	}
	p.checkLabels(path+".labels", pod.Labels)
	p.checkAnnotations(path+".annotations", pod.Annotations)
	p.checkLabelSyntax(path+".nodeSelector", pod.NodeSelector)
	p.atMost(path+".tolerations", len(pod.Tolerations), 32)
	for i, toleration := range pod.Tolerations {
		p.checkToleration(fmt.Sprintf("%s.tolerations[%d]", path, i), toleration)
	}
	if pod.PriorityClassName != "" {
		p.checkObjectName(path+".priorityClassName", pod.PriorityClassName)
	}
	p.checkEnv(path+".env", pod.Env)
}

// checkLabels is C13 for labels.
func (p *problems) checkLabels(path string, labels map[string]string) {
	p.checkLabelSyntax(path, labels)
	for _, name := range sortedNames(labels) {
		p.unless(!strings.HasPrefix(name, "app.kubernetes.io/") && !strings.HasPrefix(name, Group+"/"), path,
			"remove names of app.kubernetes.io and "+Group+": the operator owns them")
	}
}

func (p *problems) checkLabelSyntax(path string, labels map[string]string) {
	p.atMost(path, len(labels), maxPodMap)
	for _, name := range sortedNames(labels) {
		p.unless(len(validation.IsQualifiedName(name)) == 0 && len(validation.IsValidLabelValue(labels[name])) == 0,
			path, "use names and values that Kubernetes takes as labels: at most 63 of a-z, A-Z, 0-9, -, _ and dots")
	}
}

// checkAnnotations is C13 for annotations: those of Kubernetes change how a pod runs.
func (p *problems) checkAnnotations(path string, annotations map[string]string) {
	p.atMost(path, len(annotations), maxPodMap)
	for _, name := range sortedNames(annotations) {
		p.unless(len(validation.IsQualifiedName(strings.ToLower(name))) == 0, path, "use names of the form example.com/name")
		p.unless(!strings.HasPrefix(name, Group+"/"), path, "remove names of "+Group+": the operator owns them")
		foreign := strings.Contains(name, "kubernetes.io/") || strings.Contains(name, "k8s.io/")
		p.unless(!foreign || strings.HasPrefix(name, "cluster-autoscaler.kubernetes.io/"), path,
			"remove names of kubernetes.io and k8s.io, except cluster-autoscaler.kubernetes.io")
	}
}

func (p *problems) checkToleration(path string, toleration Toleration) {
	p.oneOf(path+".operator", toleration.Operator, "", "Equal", "Exists")
	p.oneOf(path+".effect", toleration.Effect, "", "NoSchedule", "PreferNoSchedule", "NoExecute")
	exists := toleration.Operator == "Exists"
	p.unless(exists || toleration.Key != "", path+".key", "name the taint, or set operator to Exists")
	p.unless(!exists || toleration.Value == "", path+".value", "remove it: operator Exists takes no value")
	p.unless(toleration.TolerationSeconds == nil || toleration.Effect == "NoExecute", path+".tolerationSeconds",
		"remove it, or set effect to NoExecute")
}

var (
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// envOwned are variables that change the runtime, the trust or the meaning of ours (C14).
	envOwned = regexp.MustCompile(`^(LD_.*|PARLEY_.*|SERVICE_BINDING.*|(?i:.*_proxy)|GODEBUG|GOTRACEBACK|GOMEMLIMIT|` +
		`GOMAXPROCS|PATH|HOME|SSL_CERT_.*|KUBERNETES_SERVICE_.*)$`)
)

func (p *problems) checkEnv(path string, env []EnvVar) {
	p.atMost(path, len(env), 64)
	seen := map[string]bool{}
	for i, variable := range env {
		at := fmt.Sprintf("%s[%d].name", path, i)
		p.unless(len(variable.Name) <= 128 && envName.MatchString(variable.Name), at, "use at most 128 letters, digits and _, not starting with a digit")
		p.unless(!envOwned.MatchString(variable.Name), at, "remove it: this variable is set by the operator or is not safe to set")
		p.unless(!seen[variable.Name], at, "remove it: the same name is there twice")
		seen[variable.Name] = true
	}
}
