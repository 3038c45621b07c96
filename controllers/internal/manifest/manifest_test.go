// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

func TestAChangedCountReplacesNoPod(t *testing.T) {
	t.Parallel()
	few, many := load(t, "testdata/production"), load(t, "testdata/production")
	*many.Cluster.Spec.Services.User.Replicas = 7
	few.Seats, many.Seats = []int32{0}, []int32{0, 1, 2}
	for _, row := range []struct{ few, many any }{
		{manifest.Deployment(few, component.User).Spec.Template, manifest.Deployment(many, component.User).Spec.Template},
		{manifest.GatewayDeployment(few, 0).Spec.Template, manifest.GatewayDeployment(many, 0).Spec.Template},
	} {
		if render(t, []any{row.few}) != render(t, []any{row.many}) {
			t.Error("a count is in the template")
		}
	}
}

func TestAnAutoscalerOwnsItsCount(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/autoscaled")
	for _, name := range []component.Name{component.User, component.Friend, component.Message, component.Transmit} {
		scaled := name == component.User || name == component.Transmit
		if got := manifest.IsAutoscaled(in, name); got != scaled {
			t.Errorf("%s is autoscaled: %v", name, got)
		}
		if got := manifest.Deployment(in, name).Spec.Replicas == nil; got != scaled {
			t.Errorf("%s leaves its count out: %v", name, got)
		}
		if got := manifest.HorizontalPodAutoscaler(in, name) != nil; got != scaled {
			t.Errorf("%s has an autoscaler: %v", name, got)
		}
	}
	if manifest.IsAutoscaled(in, component.Gateway) || manifest.HorizontalPodAutoscaler(in, component.Gateway) != nil {
		t.Error("the gateway's seats are the operator's, not an autoscaler's")
	}
}

func TestAComponentSeesItsOwnKeysAndEntriesOnly(t *testing.T) {
	t.Parallel()
	for _, p := range pods(t, children(load(t, "testdata/production"))) {
		name := component.Name(p.meta.Labels[manifest.LabelComponent])
		for _, path := range shown(p.spec) {
			private := strings.HasSuffix(path, ".private") && path != component.PrivateKey(name)
			token := strings.HasSuffix(path, component.PageTokenKey) && !component.HasPageToken(name)
			foreign := path == "other" || path == component.BindingHashKey ||
				strings.HasPrefix(path, component.MigrationPrefix) && name != component.Migrate ||
				strings.HasPrefix(path, "user-") && name != component.User
			if private || token || foreign {
				t.Errorf("%s sees %s", p.name, path)
			}
		}
	}
}

// shown lists the files of Secrets in a pod. A projection without items shows all.
func shown(spec corev1.PodSpec) []string {
	var paths []string
	for _, volume := range spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret == nil {
				continue
			}
			if len(source.Secret.Items) == 0 {
				paths = append(paths, "other")
			}
			for _, item := range source.Secret.Items {
				paths = append(paths, item.Path)
			}
		}
	}
	return paths
}

func TestOnlyWatchersOfTheRingHaveAToken(t *testing.T) {
	t.Parallel()
	for _, p := range pods(t, children(load(t, "testdata/production"))) {
		name, found := component.Name(p.meta.Labels[manifest.LabelComponent]), false
		for _, volume := range p.spec.Volumes {
			if volume.Projected == nil {
				continue
			}
			for _, source := range volume.Projected.Sources {
				found = found || source.ServiceAccountToken != nil
			}
		}
		if found != component.WatchesRing(name) || *p.spec.AutomountServiceAccountToken {
			t.Errorf("%s has a token: %v", p.name, found)
		}
	}
}

func TestABindingThatIsNotBoundShowsNothing(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/production")
	in.Bindings, in.Keys = nil, nil
	for _, p := range pods(t, children(in)) {
		if paths := shown(p.spec); len(paths) > 0 {
			t.Errorf("%s sees %v", p.name, paths)
		}
	}
}

func TestEverySelectorFindsItsPodsAndNoOthers(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/overrides")
	all := pods(t, children(in))
	for _, seat := range in.Seats {
		deployment := decode[appsv1.Deployment](t, manifest.GatewayDeployment(in, seat))
		for _, p := range all {
			if got, want := selects(deployment.Spec.Selector, p.meta.Labels), p.name == deployment.Name; got != want {
				t.Errorf("%s selects %s: %v", deployment.Name, p.name, got)
			}
		}
	}
}

func TestNamesAndLabelsFitTheirLimits(t *testing.T) {
	t.Parallel()
	in := load(t, "testdata/production")
	in.Cluster.Name = strings.Repeat("a", 34)
	in.Version = "0.3.1+" + strings.Repeat("build.", 9) + "x"
	in.Seats = []int32{199}
	for _, p := range pods(t, children(in)) {
		// The suffixes of a ReplicaSet and of its pod.
		if long := p.name + "-1234567890-12345"; len(long) > validation.DNS1123LabelMaxLength && !strings.Contains(p.name, "migrate") {
			t.Errorf("%s is too long", long)
		}
		if len(p.name) > validation.DNS1123LabelMaxLength {
			t.Errorf("%s is too long for the label of a Job", p.name)
		}
		for label, value := range p.meta.Labels {
			if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
				t.Errorf("%s=%s: %v", label, value, problems)
			}
		}
	}
}

func TestMigrationRunsAgainWhenThereIsSomethingNew(t *testing.T) {
	t.Parallel()
	base := manifest.MigrationHash(load(t, "testdata/production"), "")
	if len(base) != 8 {
		t.Fatalf("got %q, want 8 digits", base)
	}
	for name, row := range map[string]struct {
		change func(*manifest.Input)
		retry  string
		same   bool
	}{
		"nothing":                  {func(*manifest.Input) {}, "", true},
		"other resources":          {func(in *manifest.Input) { in.Cluster.Spec.Services.User.Resources = nil }, "", true},
		"another Secret":           {func(in *manifest.Input) { setMySQL(in, func(b *manifest.Binding) { b.Secret = "x" }) }, "", true},
		"another server":           {func(in *manifest.Input) { setMySQL(in, func(b *manifest.Binding) { b.Host = "x" }) }, "", false},
		"another port":             {func(in *manifest.Input) { setMySQL(in, func(b *manifest.Binding) { b.Port = 1 }) }, "", false},
		"another prefix":           {func(in *manifest.Input) { in.Cluster.Spec.Dependencies.MySQL.DatabasePrefix = "x" }, "", false},
		"another version":          {func(in *manifest.Input) { in.Version = "0.3.2" }, "", false},
		"another image":            {func(in *manifest.Input) { in.Image = "x" }, "", false},
		"a person asks once more":  {func(*manifest.Input) {}, "1", false},
		"a person asks yet again":  {func(*manifest.Input) {}, "2", false},
		"version and image change": {func(in *manifest.Input) { in.Version, in.Image = "x", "y" }, "", false},
	} {
		in := load(t, "testdata/production")
		row.change(&in)
		if got := manifest.MigrationHash(in, row.retry); (got == base) != row.same {
			t.Errorf("%s: got %s, before %s", name, got, base)
		}
	}
}

func setMySQL(in *manifest.Input, change func(*manifest.Binding)) {
	binding := in.Bindings[component.MySQL]
	change(&binding)
	in.Bindings[component.MySQL] = binding
}

func TestARebuildGoesOnInAnotherJobOnlyWhereItMust(t *testing.T) {
	t.Parallel()
	base := manifest.ReindexHash(load(t, "testdata/search"), "1")
	for name, row := range map[string]struct {
		change  func(*manifest.Input)
		request string
		same    bool
	}{
		"nothing":                   {func(*manifest.Input) {}, "1", true},
		"a person asks once more":   {func(*manifest.Input) {}, "2", false},
		"more time":                 {func(in *manifest.Input) { in.Cluster.Spec.Dependencies.Elasticsearch.Rebuild.Timeout = "48h" }, "1", true},
		"a Secret with another key": {func(in *manifest.Input) { in.BindingHashes[component.Reindex] = "x" }, "1", true},
		"another version":           {func(in *manifest.Input) { in.Version = "0.3.2" }, "1", false},
		"another image":             {func(in *manifest.Input) { in.Image = "x" }, "1", false},
		"another index":             {func(in *manifest.Input) { in.Cluster.Spec.Dependencies.Elasticsearch.IndexPrefix = "x" }, "1", false},
		"another database":          {func(in *manifest.Input) { in.Cluster.Spec.Dependencies.MySQL.DatabasePrefix = "x" }, "1", false},
		"another server":            {func(in *manifest.Input) { setMySQL(in, func(b *manifest.Binding) { b.Host = "x" }) }, "1", false},
	} {
		in := load(t, "testdata/search")
		row.change(&in)
		if got := manifest.ReindexHash(in, row.request); len(got) != 8 || (got == base) != row.same {
			t.Errorf("%s: got %s, before %s", name, got, base)
		}
	}
}
