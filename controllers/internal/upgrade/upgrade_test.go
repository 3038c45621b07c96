// SPDX-License-Identifier: Apache-2.0

package upgrade_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/upgrade"
)

func TestMatrix(t *testing.T) {
	t.Parallel()
	const notSupported, noPath = chatv1alpha1.ReasonVersionNotSupported, chatv1alpha1.ReasonUpgradePathNotSupported
	for name, test := range map[string]struct {
		operator string
		running  []string
		target   string
		reason   string
		says     string
	}{
		"an install of the own minor":           {"0.5.0", nil, "0.5.3", "", ""},
		"an install of the minor before":        {"0.5.0", nil, "0.4.9", "", ""},
		"an install of an older minor":          {"0.5.0", nil, "0.3.0", notSupported, "0.4.x and 0.5.x"},
		"an install of a newer minor":           {"0.5.0", nil, "0.6.0", notSupported, "0.4.x and 0.5.x"},
		"an install of another major":           {"1.0.0", nil, "0.9.0", notSupported, "runs 1.0.x:"},
		"a patch up":                            {"0.5.0", []string{"0.5.1"}, "0.5.9", "", ""},
		"a patch down":                          {"0.5.0", []string{"0.5.9"}, "0.5.1", "", ""},
		"the same version":                      {"0.5.0", []string{"0.5.0"}, "0.5.0", "", ""},
		"a minor up":                            {"0.5.0", []string{"0.4.0"}, "0.5.0", "", ""},
		"a minor down":                          {"0.5.0", []string{"0.5.0"}, "0.4.0", "", ""},
		"a minor up to an early release":        {"0.5.0", []string{"0.4.0"}, "0.5.0-rc.1", "", ""},
		"two minors up":                         {"0.5.0", []string{"0.3.0"}, "0.5.0", noPath, "to a 0.4.x first"},
		"two minors down":                       {"0.5.0", []string{"0.6.0"}, "0.4.0", noPath, "to a 0.5.x first"},
		"out of a minor that is too old":        {"0.5.0", []string{"0.3.0"}, "0.4.0", "", ""},
		"another major":                         {"1.0.0", []string{"0.9.0"}, "1.0.0", noPath, "stay within 0"},
		"too far from one that runs half way":   {"0.5.0", []string{"0.5.0", "0.6.0"}, "0.4.0", noPath, "from 0.6.0"},
		"back half way":                         {"0.5.0", []string{"0.4.0", "0.5.0"}, "0.4.0", "", ""},
		"an operator that was built by hand":    {"dev", []string{"0.3.0"}, "0.4.0", "", ""},
		"a path with an operator built by hand": {"dev", []string{"0.3.0"}, "0.5.0", noPath, "0.4.x"},
		"a broken release":                      {"0.5.0", []string{"0.5.0"}, "0.5.2", notSupported, "loses marks"},
		"no version":                            {"0.5.0", nil, "latest", notSupported, "semantic version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			matrix := upgrade.Matrix{Operator: test.operator, Broken: map[string]string{"0.5.2": "it loses marks"}}
			problem := matrix.Check(test.target, test.running...)
			if problem == nil {
				problem = &upgrade.Problem{}
			}
			if problem.Reason != test.reason || !strings.Contains(problem.Message, test.says) {
				t.Errorf("got %+v, want %s with %q", problem, test.reason, test.says)
			}
		})
	}
}

func FuzzMatrix(f *testing.F) {
	f.Add("0.5.0", "0.4.0", "0.5.1")
	f.Add("1.0.0-rc.1", "99999999999999999999.0.0", "1.0.0+build")
	f.Fuzz(func(t *testing.T, operator, current, target string) {
		matrix := upgrade.Matrix{Operator: operator}
		if problem := matrix.Check(target, target); problem != nil && problem.Reason == chatv1alpha1.ReasonUpgradePathNotSupported {
			t.Errorf("%s may not stay: %s", target, problem.Message)
		}
		up, down := upgrade.Matrix{}.Check(target, current), upgrade.Matrix{}.Check(current, target)
		if upgrade.Lowest(target) != "" && upgrade.Lowest(current) != "" && (up == nil) != (down == nil) {
			t.Errorf("%s to %s is %v, the way back %v", current, target, up, down)
		}
	})
}

func TestLowest(t *testing.T) {
	t.Parallel()
	for want, versions := range map[string][]string{
		"":          {"", "unknown"},
		"1.0.0_abc": {"1.0.0_abc", "1.0.1"},
		"0.9.0":     {"0.10.0", "0.9.0", ""},
		"1.0.0-rc1": {"1.0.0", "1.0.0-rc1"},
	} {
		if got := upgrade.Lowest(versions...); got != want {
			t.Errorf("%v: got %q, want %q", versions, got, want)
		}
	}
}

// TestSpeechImage: it lies beside that of all others, in whatever registry that is, and the allow list is for it, too.
func TestSpeechImage(t *testing.T) {
	t.Parallel()
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, test := range map[string]struct {
		image   *chatv1alpha1.Image
		speech  *chatv1alpha1.ServiceImage
		allowed []string
		want    string
		reason  string
	}{
		"beside the operator's":      {nil, nil, nil, "r.example.com/parley-speech:0.5.0_abc", ""},
		"beside the spec's":          {&chatv1alpha1.Image{Repository: "mirror.example.com:5000/a/parley"}, nil, nil, "mirror.example.com:5000/a/parley-speech:0.5.0_abc", ""},
		"its own repository":         {&chatv1alpha1.Image{Repository: "mirror.example.com/parley"}, &chatv1alpha1.ServiceImage{Repository: "r.example.com/tools"}, nil, "r.example.com/tools:0.5.0_abc", ""},
		"a digest of its own":        {&chatv1alpha1.Image{Digest: "sha256:1"}, &chatv1alpha1.ServiceImage{Digest: digest}, nil, "r.example.com/parley-speech@" + digest, ""},
		"the list allows it":         {nil, nil, []string{"r.example.com/parley", "r.example.com/parley-speech"}, "r.example.com/parley-speech:0.5.0_abc", ""},
		"the list allows all others": {nil, nil, []string{"r.example.com/parley"}, "", chatv1alpha1.ReasonImageNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := &chatv1alpha1.ChatClusterSpec{Version: "0.5.0+abc", Image: test.image}
			spec.Services.Speech = &chatv1alpha1.SpeechService{Image: test.speech}
			got, problem := upgrade.SpeechImage(spec, "r.example.com/parley", test.allowed)
			if problem == nil {
				problem = &upgrade.Problem{}
			}
			if got != test.want || problem.Reason != test.reason {
				t.Errorf("got %q, %+v, want %q, %s", got, problem, test.want, test.reason)
			}
			if test.reason != "" && !strings.Contains(problem.Message, "spec.services.speech.image.repository") {
				t.Errorf("the message leads nowhere: %s", problem.Message)
			}
		})
	}
	if _, problem := upgrade.SpeechImage(&chatv1alpha1.ChatClusterSpec{Version: "0.5.0"}, "", nil); problem == nil {
		t.Error("an image of no repository")
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, test := range map[string]struct {
		image      *chatv1alpha1.Image
		version    string
		repository string
		allowed    []string
		want       string
		reason     string
	}{
		"the operator's repository":      {nil, "0.5.0", "registry.example.com/parley", nil, "registry.example.com/parley:0.5.0", ""},
		"the spec's repository":          {&chatv1alpha1.Image{Repository: "other.example.com:5000/chat"}, "0.5.0", "registry.example.com/parley", nil, "other.example.com:5000/chat:0.5.0", ""},
		"a digest":                       {&chatv1alpha1.Image{Digest: digest}, "0.5.0", "registry.example.com/parley", nil, "registry.example.com/parley@" + digest, ""},
		"build metadata":                 {nil, "0.5.0+abc", "registry.example.com/parley", nil, "registry.example.com/parley:0.5.0_abc", ""},
		"no repository at all":           {nil, "0.5.0", "", nil, "", chatv1alpha1.ReasonInvalidSpec},
		"an allowed one":                 {nil, "0.5.0", "registry.example.com/parley", []string{"a.example.com", "registry.example.com/parley"}, "registry.example.com/parley:0.5.0", ""},
		"one below an allowed one":       {nil, "0.5.0", "registry.example.com/parley/dev", []string{"registry.example.com/parley/"}, "registry.example.com/parley/dev:0.5.0", ""},
		"one that only begins like it":   {nil, "0.5.0", "registry.example.com/parley-evil", []string{"registry.example.com/parley"}, "", chatv1alpha1.ReasonImageNotAllowed},
		"a registry that begins like it": {nil, "0.5.0", "registry.example.com.evil/parley", []string{"registry.example.com"}, "", chatv1alpha1.ReasonImageNotAllowed},
		"an empty entry allows nothing":  {nil, "0.5.0", "registry.example.com/parley", []string{""}, "", chatv1alpha1.ReasonImageNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := &chatv1alpha1.ChatClusterSpec{Version: test.version, Image: test.image}
			got, problem := upgrade.Image(spec, test.repository, test.allowed)
			if problem == nil {
				problem = &upgrade.Problem{}
			}
			if got != test.want || problem.Reason != test.reason {
				t.Errorf("got %q, %+v, want %q, %s", got, problem, test.want, test.reason)
			}
		})
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	done := func(names ...component.Name) map[component.Name]bool {
		set := map[component.Name]bool{}
		for _, name := range names {
			set[name] = true
		}
		return set
	}
	all := done(component.All()...)
	const user, friend, file, message = component.User, component.Friend, component.File, component.Message
	const transmit, speech, gateway = component.Transmit, component.Speech, component.Gateway
	for name, test := range map[string]struct {
		facts upgrade.Facts
		want  upgrade.Plan
	}{
		"a spec with a problem": {
			upgrade.Facts{Target: "0.5.0", Problem: &upgrade.Problem{}, Expanded: true}, upgrade.Plan{Step: "Validate"},
		},
		"an install begins with the schemas": {
			upgrade.Facts{Target: "0.5.0"}, upgrade.Plan{Step: "Expand", Expand: true},
		},
		"an install then writes everything": {
			upgrade.Facts{Target: "0.5.0", Expanded: true}, upgrade.Plan{Step: "Wave1", Write: component.All()},
		},
		"an install goes on where pods are missing": {
			upgrade.Facts{Target: "0.5.0", Expanded: true, Done: done(user, friend, file, message)}, upgrade.Plan{Step: "Wave3", Write: component.All()},
		},
		"an install that is done": {
			upgrade.Facts{Target: "0.5.0", Expanded: true, Running: []string{"0.5.0"}, Done: all}, upgrade.Plan{Step: "Done", Write: component.All()},
		},
		"an install that failed and goes to an older version has a Job": {
			upgrade.Facts{Target: "0.4.0", Running: []string{"0.5.0"}}, upgrade.Plan{Step: "Expand", Expand: true},
		},
		"an upgrade begins with the schemas": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.4.0"}, Schema: "0.4.0"}, upgrade.Plan{Step: "Expand", Expand: true},
		},
		"an upgrade begins with who is called": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.4.0"}, Schema: "0.5.0", Expanded: true},
			upgrade.Plan{Step: "Wave1", Write: []component.Name{user, friend, file}},
		},
		"a wave needs all of the one before": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.4.0", "0.5.0"}, Expanded: true, Done: done(user, message)},
			upgrade.Plan{Step: "Wave1", Write: []component.Name{user, friend, file}},
		},
		"the second wave": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.4.0", "0.5.0"}, Expanded: true, Done: done(user, friend, file)},
			upgrade.Plan{Step: "Wave2", Write: []component.Name{user, friend, file, message}},
		},
		"the last wave": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.4.0", "0.5.0"}, Expanded: true, Done: done(user, friend, file, message, transmit, speech)},
			upgrade.Plan{Step: "Wave4", Write: []component.Name{user, friend, file, message, transmit, speech, gateway}},
		},
		"an upgrade that is done": {
			upgrade.Facts{Target: "0.5.0", Installed: true, Running: []string{"0.5.0"}, Expanded: true, Done: all},
			upgrade.Plan{Step: "Done", Write: []component.Name{user, friend, file, message, transmit, speech, gateway}},
		},
		"a way back begins with the gateway and has no Job": {
			upgrade.Facts{Target: "0.4.0", Installed: true, Running: []string{"0.5.0"}, Schema: "0.5.0"},
			upgrade.Plan{Step: "Wave4", Write: []component.Name{gateway}},
		},
		"a way back from half way": {
			upgrade.Facts{Target: "0.4.0", Installed: true, Running: []string{"0.4.0", "0.5.0"}, Schema: "0.5.0", Done: done(gateway, transmit, speech)},
			upgrade.Plan{Step: "Wave2", Write: []component.Name{gateway, transmit, speech, message}},
		},
		"a component that does not run is in no wave": {
			upgrade.Facts{
				Target: "0.5.0", Installed: true, Running: []string{"0.4.0"}, Schema: "0.5.0", Expanded: true,
				Components: []component.Name{user, friend, file, message, transmit, gateway}, Done: done(user, friend, file, message, transmit),
			},
			upgrade.Plan{Step: "Wave4", Write: []component.Name{user, friend, file, message, transmit, gateway}},
		},
		"after a way back a change of template has no Job either": {
			upgrade.Facts{Target: "0.4.0", Installed: true, Running: []string{"0.4.0"}, Schema: "0.5.0"},
			upgrade.Plan{Step: "Wave1", Write: []component.Name{user, friend, file}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.facts.Components == nil {
				test.facts.Components = component.All()
			}
			if diff := cmp.Diff(test.want, upgrade.Next(test.facts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
