// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	replace := func(old, text string) string { return strings.Replace(smallest, old, text, 1) }
	for name, row := range map[string]struct {
		manifest string
		want     string // the whole message
	}{
		"nothing":                  {"", "the manifest is empty: it must hold a ChatCluster of chat.parley.dev/v1alpha1"},
		"comments only":            {"# hello\n---\n", "the manifest is empty: it must hold a ChatCluster of chat.parley.dev/v1alpha1"},
		"text":                     {"hello", "the manifest is not a YAML mapping: it must start with apiVersion and kind"},
		"a list":                   {"- a\n", "the manifest is not a YAML mapping: it must start with apiVersion and kind"},
		"no kind":                  {"apiVersion: v1\n", "kind: it is missing, write kind: ChatCluster"},
		"no version":               {"kind: ChatCluster\n", "apiVersion: it is missing, write apiVersion: chat.parley.dev/v1alpha1"},
		"another kind":             {replace("kind: ChatCluster", "kind: Deployment"), `kind: the manifest holds a "Deployment", it must hold a ChatCluster of chat.parley.dev/v1alpha1`},
		"another version":          {replace("v1alpha1", "v1"), `apiVersion: it is "chat.parley.dev/v1", this program reads chat.parley.dev/v1alpha1`},
		"a number as kind":         {replace("kind: ChatCluster", "kind: 7"), "kind: it is missing, write kind: ChatCluster"},
		"two of them":              {smallest + "---" + smallest, "the manifest holds more than one ChatCluster: keep one per file"},
		"a tab":                    {replace("  version", "\tversion"), "the manifest is not YAML: line 6: found character that cannot start any token"},
		"a field twice":            {replace("  profile: Development", "  profile: Development\n  profile: Production"), `the manifest is not YAML: line 8: key "profile" is there twice`},
		"an unknown field":         {with(t, "spec.colour=blue"), "spec.colour: there is no such field"},
		"a misspelt field":         {with(t, "spec.services.gateway.replica=1"), "spec.services.gateway.replica: there is no such field, did you mean replicas?"},
		"a field in another case":  {with(t, "spec.loglevel=debug"), "spec.loglevel: there is no such field, did you mean logLevel?"},
		"an unknown component":     {with(t, "spec.services.users={}"), "spec.services.users: there is no such field, did you mean user?"},
		"an unknown field of ours": {with(t, "spec.dependencies.mysql.password=hunter2"), "spec.dependencies.mysql.password: there is no such field"},
		"a field at the top":       {"colour: blue" + smallest, "colour: there is no such field"},
		"a number as version":      {replace(`"0.1.0"`, "0.1"), "spec.version: it holds a number, it must hold text: put it in quotes"},
		"text as a number":         {with(t, "spec.services.user.replicas='2'"), "spec.services.user.replicas: it holds text, it must be a whole number"},
		"a fraction":               {with(t, "spec.services.user.replicas=1.5"), "spec.services.user.replicas: it must be a whole number that is not that large"},
		"a number past 32 bits":    {with(t, "spec.services.user.replicas=4294967296"), "spec.services.user.replicas: it must be a whole number that is not that large"},
		"text as a truth":          {with(t, "spec.exposure.seatRoutes='yes'"), "spec.exposure.seatRoutes: it holds text, it must be true or false"},
		"a list as fields":         {with(t, "spec.services=[]"), "spec.services: it holds a list, it must hold fields"},
		"fields as a list":         {with(t, "spec.podTemplate.env={A: b}"), "spec.podTemplate.env: it holds fields, it must hold a list"},
		"text as a map":            {with(t, "spec.podTemplate.labels=a"), "spec.podTemplate.labels: it holds text, it must hold names with values"},
		"a truth in a map":         {with(t, "spec.podTemplate.labels={a: true}"), "spec.podTemplate.labels.a: it holds true or false, it must hold text: put it in quotes"},
		"null in a map":            {with(t, "spec.podTemplate.labels={a: null}"), "spec.podTemplate.labels.a: it is empty, give it a value or remove it"},
		"null in a list":           {with(t, "spec.exposure.allowedOrigins=[null]"), "spec.exposure.allowedOrigins[0]: it is empty, give it a value or remove it"},
		"a field in a list":        {with(t, "spec.podTemplate.env=[{name: A, vaule: b}]"), "spec.podTemplate.env[0].vaule: there is no such field, did you mean value?"},
		"an amount that is none":   {with(t, "spec.services.user.resources.requests={memory: 1Gb}"), "spec.services.user.resources.requests.memory: write an amount like 500m, 1, 256Mi or 1Gi"},
		"an amount that is a list": {with(t, "spec.services.file.maxFileSize=[]"), "spec.services.file.maxFileSize: write an amount like 500m, 1, 256Mi or 1Gi"},
		"a time that is none":      {with(t, "metadata.creationTimestamp=yesterday"), "metadata.creationTimestamp: write a time like 2026-01-31T12:00:00Z"},
		"a megabyte":               {"#" + strings.Repeat("x", 1<<20), "the manifest has 1048577 bytes, more than 1048576"},
	} {
		cluster, err := chatv1alpha1.Decode([]byte(row.manifest))
		if err == nil || cluster != nil {
			t.Errorf("%s: it was read", name)
			continue
		}
		if got := err.Error(); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestDecodeReads(t *testing.T) {
	t.Parallel()
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: demo-mysql}\nstringData: {a: b}\n"
	for name, manifest := range map[string]string{
		"YAML":                       smallest,
		"JSON":                       `{"apiVersion":"chat.parley.dev/v1alpha1","kind":"ChatCluster","metadata":{"name":"demo"},"spec":{"version":"1.0.0"}}`,
		"a byte order mark":          "\ufeff" + strings.TrimLeft(smallest, "\n"),
		"lines that end as Windows'": strings.ReplaceAll(smallest, "\n", "\r\n"),
		"a mark before and after":    "---" + smallest + "---\n",
		"Secrets before and after":   secret + "---" + smallest + "---\n" + secret,
		"an anchor":                  strings.Replace(smallest, "{secretRef: {name: demo-mysql}}", "&m {secretRef: {name: demo-mysql}}", 1),
	} {
		cluster, err := chatv1alpha1.Decode([]byte(manifest))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cluster.Name != "demo" {
			t.Errorf("%s: name %q", name, cluster.Name)
		}
	}
}

func TestLineNumbersAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	_, err := chatv1alpha1.Decode([]byte("a: 1\n---\nb: 2\n---\nc: {\n"))
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Fatalf("the first document has no kind: %v", err)
	}
	_, err = chatv1alpha1.Decode([]byte("# one\n---\n# two\n---\nkind: a\nkind: b\n"))
	if err == nil || !strings.Contains(err.Error(), "line 6") {
		t.Fatalf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(smallest))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("apiVersion: chat.parley.dev/v1alpha1\nkind: ChatCluster\nspec: {services: {gateway: {drain: {timeout: 1h}}}}"))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		cluster, err := chatv1alpha1.Decode(manifest)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("more than one line: %q", err)
		}
		if err == nil {
			cluster.Validate()
		}
	})
}
