// SPDX-License-Identifier: Apache-2.0

package arch_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheDockerfileMakesTheSameImage: who builds with Docker gets what `make images` makes.
func TestTheDockerfileMakesTheSameImage(t *testing.T) {
	t.Parallel()
	dockerfile, err := read("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	program, err := read("hack/image/main.go")
	if err != nil {
		t.Fatal(err)
	}
	// Quoted as Go and the shell write it alike.
	for _, entry := range []string{
		`root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/tmp:/none\n`, `root:x:0:\nnonroot:x:65532:\n`,
		"65532:65532", "/etc/ssl/certs/ca-certificates.crt", "PATH=/", "PATH=/:/usr/bin", "SSL_CERT_FILE=",
		"org.opencontainers.image.title", "org.opencontainers.image.version", "org.opencontainers.image.licenses",
	} {
		if !strings.Contains(dockerfile, entry) || !strings.Contains(program, entry) {
			t.Errorf("only one of Dockerfile and hack/image knows %s", entry)
		}
	}
	var final []string
	for _, stage := range regexp.MustCompile(`(?m)^FROM (.*)$`).FindAllStringSubmatch(dockerfile, -1) {
		final = append(final, stage[1])
	}
	want := []string{"debian:bookworm-slim AS speechroot", "scratch AS base", "base AS parley-operator", "base AS parley-speech", "base AS parley"}
	if len(final) != 7 || !slices.Equal(final[2:], want) {
		t.Errorf("the stages are %v, want two that build and %v: nothing but the program is in the image", final, want)
	}
}
