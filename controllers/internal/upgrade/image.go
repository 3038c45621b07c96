// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"cmp"
	"slices"
	"strings"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// speechSuffix behind the repository of all components is the repository of speech.
const speechSuffix = "-speech"

// Image is what pods of the spec's version run: the digest if there is one, else the version as tag.
// repository is used where the spec names none. With an allow list the repository must be an entry of it
// or below one; the repository of the operator itself is no exception.
func Image(spec *chatv1alpha1.ChatClusterSpec, repository string, allowed []string) (string, *Problem) {
	w := wish{field: "spec.image.repository", repository: repository, version: spec.Version}
	if spec.Image != nil {
		w.digest, w.repository = spec.Image.Digest, cmp.Or(spec.Image.Repository, repository)
	}
	return w.image(allowed)
}

// SpeechImage is what pods of speech run: an image of the same version with ffmpeg and PocketSphinx, which lies beside
// that of all others. The allow list must name it, too: another repository may belong to somebody else.
func SpeechImage(spec *chatv1alpha1.ChatClusterSpec, repository string, allowed []string) (string, *Problem) {
	if spec.Image != nil {
		repository = cmp.Or(spec.Image.Repository, repository)
	}
	if repository != "" {
		repository += speechSuffix
	}
	w := wish{field: "spec.services.speech.image.repository", repository: repository, version: spec.Version}
	if speech := spec.Services.Speech; speech != nil && speech.Image != nil {
		w.digest, w.repository = speech.Image.Digest, cmp.Or(speech.Image.Repository, repository)
	}
	return w.image(allowed)
}

// wish is an image as a field of the spec names it, or leaves it out.
type wish struct{ field, repository, digest, version string }

func (w wish) image(allowed []string) (string, *Problem) {
	if w.repository == "" {
		return "", problemf(chatv1alpha1.ReasonInvalidSpec, "name %s: the operator was started without --image-repository", w.field)
	}
	if len(allowed) > 0 && !slices.ContainsFunc(allowed, func(entry string) bool { return isWithin(w.repository, entry) }) {
		return "", problemf(chatv1alpha1.ReasonImageNotAllowed, "choose another %s: this operator allows %s", w.field, strings.Join(allowed, ", "))
	}
	if w.digest != "" {
		return w.repository + "@" + w.digest, nil
	}
	// Tags have no sign for build metadata.
	return w.repository + ":" + strings.ReplaceAll(w.version, "+", "_"), nil
}

// isWithin compares whole parts of the path: "example.com/parley" allows "example.com/parley/dev" and not
// "example.com/parley-of-somebody-else".
func isWithin(repository, entry string) bool {
	rest, ok := strings.CutPrefix(repository, strings.TrimSuffix(entry, "/"))
	return ok && entry != "" && (rest == "" || strings.HasPrefix(rest, "/"))
}
