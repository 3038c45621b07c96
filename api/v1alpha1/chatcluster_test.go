// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// smallest is the smallest valid manifest.
const smallest = `
apiVersion: chat.parley.dev/v1alpha1
kind: ChatCluster
metadata: {name: demo}
spec:
  version: "0.1.0"
  profile: Development
  dependencies:
    mysql: {secretRef: {name: demo-mysql}}
    rabbitmq: {secretRef: {name: demo-rabbitmq}}
`

// with sets fields of the smallest manifest: each line is a path and a value in YAML; no value removes
// the field.
func with(t *testing.T, lines ...string) string {
	t.Helper()
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(smallest), &tree); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		path, text, _ := strings.Cut(line, "=")
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		set(tree, strings.Split(path, "."), value, text == "")
	}
	out, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func set(tree map[string]any, path []string, value any, remove bool) {
	for _, name := range path[:len(path)-1] {
		next, ok := tree[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[name] = next
		}
		tree = next
	}
	last := path[len(path)-1]
	tree[last] = value
	if remove {
		delete(tree, last)
	}
}

func decode(t *testing.T, text string) *chatv1alpha1.ChatCluster {
	t.Helper()
	cluster, err := chatv1alpha1.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	written := decode(t, smallest)
	before := written.DeepCopy()
	got := written.WithDefaults()
	if diff := cmp.Diff(before, written); diff != "" {
		t.Fatalf("the object was changed: %s", diff)
	}
	spec, gateway := got.Spec, got.Spec.Services.Gateway
	for name, row := range map[string]struct{ got, want any }{
		"log level":        {spec.LogLevel, chatv1alpha1.LogInfo},
		"service type":     {spec.Exposure.ServiceType, "ClusterIP"},
		"gateways":         {*gateway.Replicas, int32(2)},
		"users":            {*spec.Services.User.Replicas, int32(1)},
		"files":            {*spec.Services.File.Replicas, int32(1)},
		"sessions":         {*gateway.MaxSessionsPerPod, int32(20000)},
		"rate":             {*gateway.Drain.SessionsPerSecond, int32(300)},
		"timeout":          {gateway.Drain.Timeout, chatv1alpha1.Duration("5m")},
		"file size":        {spec.Services.File.MaxFileSize.String(), "100Mi"},
		"database":         {spec.Dependencies.MySQL.DatabasePrefix, "parley"},
		"connections":      {*spec.Dependencies.MySQL.MaxOpenConnsPerPod, int32(16)},
		"tls":              {spec.Dependencies.RabbitMQ.TLS, chatv1alpha1.TLSDisabled},
		"accounts":         {*spec.ServiceAccounts.Create, true},
		"deadline":         {spec.Upgrade.ProgressDeadline, chatv1alpha1.Duration("10m")},
		"absent stays so":  {spec.Dependencies.Elasticsearch == nil && spec.Dependencies.SMS == nil, true},
		"no autoscaling":   {gateway.Autoscaling == nil, true},
		"no pod template":  {spec.PodTemplate == nil, true},
		"the same twice":   {cmp.Equal(got, got.WithDefaults()), true},
		"a written zero":   {*decode(t, with(t, "spec.services.user.replicas=0")).WithDefaults().Spec.Services.User.Replicas, int32(0)},
		"a written number": {*decode(t, with(t, "spec.services.user.replicas=3")).WithDefaults().Spec.Services.User.Replicas, int32(3)},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %v, want %v", name, row.got, row.want)
		}
	}
}

func TestDefaultsOfProduction(t *testing.T) {
	t.Parallel()
	got := decode(t, with(t, "spec.profile=", "spec.exposure.host=chat.example.com",
		"spec.dependencies.elasticsearch={secretRef: {name: s}}", "spec.dependencies.objectStore={secretRef: {name: s}}",
		"spec.dependencies.sms={provider: Aliyun, secretRef: {name: s}, aliyun: {signName: A, templateCode: B}}",
		"spec.dependencies.speech={provider: OpenAI, openAI: {baseURL: 'http://x'}}",
		"spec.services.gateway.autoscaling={maxReplicas: 4}", "spec.services.user.autoscaling={maxReplicas: 4}",
	)).WithDefaults()
	d, services := got.Spec.Dependencies, got.Spec.Services
	for name, row := range map[string]struct{ got, want any }{
		"profile":          {got.Spec.Profile, chatv1alpha1.ProfileProduction},
		"users":            {*services.User.Replicas, int32(2)},
		"tls":              {d.MySQL.TLS, chatv1alpha1.TLSVerifyFull},
		"index replicas":   {*d.Elasticsearch.IndexReplicas, int32(1)},
		"region":           {d.ObjectStore.Region, "us-east-1"},
		"path style":       {*d.ObjectStore.PathStyle, true},
		"sms budget":       {*d.SMS.DailyBudget, int32(10000)},
		"aliyun region":    {d.SMS.Aliyun.Region, "cn-hangzhou"},
		"model":            {d.Speech.OpenAI.Model, "whisper-1"},
		"voice":            {d.Speech.MaxDuration, chatv1alpha1.Duration("5m")},
		"gateway sessions": {*services.Gateway.Autoscaling.SessionsPerPod, int32(10000)},
		"gateway no CPU":   {services.Gateway.Autoscaling.TargetCPUPercent == nil, true},
		"user CPU":         {*services.User.Autoscaling.TargetCPUPercent, int32(70)},
		"user no sessions": {services.User.Autoscaling.SessionsPerPod == nil, true},
	} {
		if row.got != row.want {
			t.Errorf("%s: got %v, want %v", name, row.got, row.want)
		}
	}
	if found := got.Validate(); len(found) != 0 {
		t.Errorf("not valid: %v", found)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, ok := range map[chatv1alpha1.Duration]bool{
		"30s": true, "1h30m": true, "0s": true, "250ms": true, "300000m": true,
		"": false, "30": false, "-5s": false, "1.5h": false, "1d": false, "5 m": false, "1us": false,
		"99999999999999999999h": false, "9999999999h": false,
	} {
		if _, err := text.Parse(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if text, err := yaml.Marshal(decode(t, with(t, "spec.services.gateway.drain.timeout=30m"))); err != nil || !strings.Contains(string(text), "timeout: 30m\n") {
		t.Errorf("the text was rewritten: %s, %v", text, err)
	}
}
