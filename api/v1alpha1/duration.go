// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"errors"
	"regexp"
	"time"
)

// Duration is text like 30s or 1h30m, kept as it was written: a tool that compares manifests would see
// 30m become 30m0s as a change.
// +kubebuilder:validation:Pattern=`^([0-9]+(ms|s|m|h))+$`
// +kubebuilder:validation:MaxLength=32
type Duration string

var durationPattern = regexp.MustCompile(`^([0-9]+(ms|s|m|h))+$`)

var errDuration = errors.New("write a duration like 30s, 5m or 1h30m")

// Parse reads the duration; empty text is an error, as any other form is.
func (d Duration) Parse() (time.Duration, error) {
	if len(d) > 32 || !durationPattern.MatchString(string(d)) {
		return 0, errDuration
	}
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return 0, errDuration
	}
	return parsed, nil
}
