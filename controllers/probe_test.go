// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apiservertest"
)

// TestProbe plays the controllers that an API server alone does not have: it writes the status.
func TestProbe(t *testing.T) {
	t.Parallel()
	_, config := apiservertest.Start(t, "../config/crd/bases")
	kinds := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(kinds), chatv1alpha1.AddToScheme(kinds)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: kinds})
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../config/samples/chatcluster-dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ready := appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	newer := ready
	newer.Replicas, newer.ReadyReplicas, newer.UpdatedReplicas = 2, 2, 1
	for _, row := range []struct {
		name     string
		status   *appsv1.DeploymentStatus
		manifest string
		want     string
	}{
		{"ready", &ready, string(sample), ""},
		{"absent", nil, string(sample), "not found"},
		{"starting", &appsv1.DeploymentStatus{Replicas: 1}, string(sample), "0 of 1 pods are available"},
		{"updating", &newer, string(sample), "1 of 2 pods are available"},
		{"refused", &ready, strings.Replace(string(sample), "Development", "Production", 1), "exposure.host"},
		{"misspelt", &ready, strings.Replace(string(sample), "profile", "profil", 1), "profil"},
		{"garbled", &ready, "{", "cannot be read"},
	} {
		deployment := operatorDeployment(row.name)
		if row.status != nil {
			if err := c.Create(t.Context(), deployment); err != nil {
				t.Fatal(err)
			}
			deployment.Status = *row.status
			if err := c.Status().Update(t.Context(), deployment); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		p := probe{deployment: client.ObjectKeyFromObject(deployment), namespace: "default", wait: time.Millisecond}
		err := p.ask(t.Context(), &out, c, row.manifest)
		switch {
		case row.want == "" && (err != nil || !strings.Contains(out.String(), "is available")):
			t.Errorf("%s: %v, %q", row.name, err, out.String())
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
	}
	kept := chatv1alpha1.ChatClusterList{}
	if err := c.List(t.Context(), &kept); err != nil || len(kept.Items) != 0 {
		t.Errorf("the probe left %d ChatClusters, %v", len(kept.Items), err)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--bogus":          "unknown flag: --bogus: parley-operator --help lists all flags",
		"probe --bogus x":  "unknown flag: --bogus: parley-operator probe --help lists all flags",
		"start":            `unknown command "start" for "parley-operator": parley-operator --help lists all`,
		"--log-level loud": "--log-level must be debug, info, warn or error",
		"--secret-poll 0s": "--secret-poll must be at least 1s",
	} {
		command := newCommand()
		command.SetArgs(strings.Fields(args))
		if err := command.ExecuteContext(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
}

// TestTheManifestsGiveFlagsThatExist reads what the charts and dist start.
func TestTheManifestsGiveFlagsThatExist(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"install", "install-namespaced"} {
		text, err := os.ReadFile("../dist/" + file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var d appsv1.Deployment
			if err := yaml.Unmarshal([]byte(document), &d); err != nil || d.Kind != "Deployment" {
				continue
			}
			found++
			if err := newCommand().ParseFlags(d.Spec.Template.Spec.Containers[0].Args); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		if found != 1 {
			t.Errorf("%s has %d Deployments", file, found)
		}
	}
}

// TestHelmTestGivesFlagsThatExist reads the template, so that it needs no Helm.
func TestHelmTestGivesFlagsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../charts/parley-operator/templates/tests/probe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`- --([a-z-]+)=`).FindAllStringSubmatch(string(text), -1)
	if len(given) != 3 {
		t.Errorf("found %v", given)
	}
	for _, flag := range given {
		if newProbeCommand().Flags().Lookup(flag[1]) == nil {
			t.Errorf("probe has no flag --%s", flag[1])
		}
	}
}

func operatorDeployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "x"}}},
			},
		},
	}
}
