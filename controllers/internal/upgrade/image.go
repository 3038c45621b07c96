// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"slices"
	"strings"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Image is what pods of the spec's version run: the digest if there is one, else the version as tag.
// repository is used where the spec names none. With an allow list the repository must be an entry of it
// or below one; the repository of the operator itself is no exception.
func Image(spec *chatv1alpha1.ChatClusterSpec, repository string, allowed []string) (string, *Problem) {
	digest := ""
	if spec.Image != nil {
		digest = spec.Image.Digest
		if spec.Image.Repository != "" {
			repository = spec.Image.Repository
		}
	}
	if repository == "" {
		return "", problemf(chatv1alpha1.ReasonInvalidSpec,
			"name spec.image.repository: the operator was started without --image-repository")
	}
	if len(allowed) > 0 && !slices.ContainsFunc(allowed, func(entry string) bool { return isWithin(repository, entry) }) {
		return "", problemf(chatv1alpha1.ReasonImageNotAllowed,
			"choose another spec.image.repository: this operator allows %s", strings.Join(allowed, ", "))
	}
	if digest != "" {
		return repository + "@" + digest, nil
	}
	// Tags have no sign for build metadata.
	return repository + ":" + strings.ReplaceAll(spec.Version, "+", "_"), nil
}

// isWithin compares whole parts of the path: "example.com/parley" allows "example.com/parley/dev" and not
// "example.com/parley-of-somebody-else".
func isWithin(repository, entry string) bool {
	rest, ok := strings.CutPrefix(repository, strings.TrimSuffix(entry, "/"))
	return ok && entry != "" && (rest == "" || strings.HasPrefix(rest, "/"))
}
