// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"pgregory.net/rapid"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// pod is what a child makes.
type pod struct {
	name string
	meta metav1.ObjectMeta
	spec corev1.PodSpec
}

func pods(t failer, all []any) []pod {
	t.Helper()
	var list []pod
	for _, child := range all {
		switch child.(type) {
		case *appsv1ac.DeploymentApplyConfiguration:
			d := decode[appsv1.Deployment](t, child)
			list = append(list, pod{d.Name, d.Spec.Template.ObjectMeta, d.Spec.Template.Spec})
		case *batchv1ac.JobApplyConfiguration:
			j := decode[batchv1.Job](t, child)
			list = append(list, pod{j.Name, j.Spec.Template.ObjectMeta, j.Spec.Template.Spec})
		}
	}
	return list
}

func TestGoldenPodsPassRestricted(t *testing.T) {
	t.Parallel()
	for _, dir := range cases(t) {
		all := children(load(t, dir))
		checkRestricted(t, all)
	}
}

func TestRandomClustersGiveRestrictedPodsAndNoEmptyValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cluster := drawCluster(t)
		if problems := cluster.Validate(); len(problems) > 0 {
			t.Fatalf("the generator draws an invalid cluster: %v", problems[0])
		}
		all := children(input(cluster))
		checkRestricted(t, all)
		checkNoEmptyValue(t, all)
		checkRequests(t, all)
	})
}

type fatalist interface {
	failer
	Errorf(format string, args ...any)
}

func checkRestricted(t fatalist, all []any) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	list := pods(t, all)
	if len(list) < 6 {
		t.Fatal("too few pods to judge")
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, p := range list {
		for _, result := range evaluator.EvaluatePod(restricted, &p.meta, &p.spec) {
			if !result.Allowed {
				t.Errorf("%s: %s: %s", p.name, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
		for _, volume := range p.spec.Volumes {
			if volume.Secret != nil || volume.HostPath != nil {
				t.Errorf("%s: volume %s shows more than a projection", p.name, volume.Name)
			}
		}
	}
}

// checkNoEmptyValue: the server drops empty values, and each later comparison would see a difference.
func checkNoEmptyValue(t fatalist, all []any) {
	t.Helper()
	for _, child := range all {
		text, err := json.Marshal(child)
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		walk(t, object["kind"].(string), object)
	}
}

func walk(t fatalist, where string, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil:
		t.Errorf("%s is null", where)
	case string:
		if value == "" {
			t.Errorf("%s is empty text", where)
		}
	case []any:
		if len(value) == 0 {
			t.Errorf("%s is an empty list", where)
		}
		for _, element := range value {
			walk(t, where+"[]", element)
		}
	case map[string]any:
		// An empty selector selects all, and is kept.
		if len(value) == 0 && !strings.HasSuffix(where, "elector") {
			t.Errorf("%s is an empty object", where)
		}
		for key, element := range value {
			walk(t, where+"."+key, element)
		}
	}
}

func checkRequests(t fatalist, all []any) {
	t.Helper()
	for _, p := range pods(t, all) {
		resources := p.spec.Containers[0].Resources
		if request, limit := resources.Requests.Memory(), resources.Limits.Memory(); limit.IsZero() || request.IsZero() {
			t.Errorf("%s: memory is not bounded", p.name)
		}
		for name, limit := range resources.Limits {
			if request := resources.Requests[name]; request.Cmp(limit) > 0 {
				t.Errorf("%s: request of %s is above its limit: %s > %s", p.name, name, request.String(), limit.String())
			}
		}
	}
}

func overrideNames(in manifest.Input) []string {
	var names []string
	services := in.Cluster.Spec.Services
	var lowest *chatv1alpha1.ServicePodTemplate
	if in.Cluster.Spec.PodTemplate != nil {
		lowest = &in.Cluster.Spec.PodTemplate.ServicePodTemplate
	}
	for _, template := range []*chatv1alpha1.ServicePodTemplate{
		lowest, services.Gateway.PodTemplate, services.User.PodTemplate,
		services.Friend.PodTemplate, services.Message.PodTemplate, services.Transmit.PodTemplate,
	} {
		if template == nil {
			continue
		}
		for _, variable := range template.Env {
			names = append(names, variable.Name)
		}
	}
	return names
}
