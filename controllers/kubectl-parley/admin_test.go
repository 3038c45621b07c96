// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestALinkIsMadeHereAndOnlyItsHashGoesIntoTheCluster(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ flags, base string }{
		"of a chat without a host":   {"", "http://localhost:8080"},
		"of an address that is said": {" --server https://talk.example.com/", "https://talk.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAPIServer(t, "ready.yaml", "userdeployment.yaml")
			out := mustRun(t, s, strings.Fields("admin create demo"+row.flags)...)
			link, _, _ := strings.Cut(out, "\n")
			token, found := strings.CutPrefix(link, row.base+"/#/administrator/")
			if !found || !regexp.MustCompile(`^parley_a1_[\w-]{43}$`).MatchString(token) {
				t.Fatalf("printed %q", out)
			}
			text, err := yaml.Marshal(s.created[0].Object)
			if err != nil {
				t.Fatal(err)
			}
			job := string(text)
			hash := sha256.Sum256([]byte(token))
			for _, want := range []string{"- admin\n", "- link\n", "- --hash\n", "- " + hex.EncodeToString(hash[:]) + "\n", "app.kubernetes.io/component: doctor", "value: parley_user"} {
				if !strings.Contains(job, want) {
					t.Errorf("the Job has no %q:\n%s", want, job)
				}
			}
			if strings.Contains(job, token) {
				t.Error("the token is in the Job")
			}
			if last := s.requests[len(s.requests)-1]; !strings.HasPrefix(last, "DELETE /apis/batch/v1/namespaces/chat/jobs/demo-admin-") {
				t.Errorf("the Job stays: the last request is %s", last)
			}
		})
	}
}

func TestALinkThatWasNotStoredIsNotShown(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t, "ready.yaml", "userdeployment.yaml")
	s.jobEnds, s.logs["doctor"] = "Failed", "parley: the link was not stored: see that MySQL answers\n"
	out, err := run(t, s, "admin", "create", "demo")
	if err == nil || !strings.Contains(err.Error(), "see that MySQL answers") || out != "" {
		t.Errorf("printed %q, %v", out, err)
	}
	out, err = run(t, newAPIServer(t, "ready.yaml"), "admin", "create", "demo")
	if err == nil || !strings.Contains(err.Error(), "the component user is not installed yet") || out != "" {
		t.Errorf("before the install: %q, %v", out, err)
	}
}
