// SPDX-License-Identifier: Apache-2.0

// Package upgrade decides which version may follow which, and what comes next on the way.
//
// All of it is computed from what was observed: no step is remembered, so an operator that starts anew
// goes on where the last one stopped.
package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// Problem stops a pass until a person changes something.
type Problem struct {
	// Reason is one of the condition Stalled.
	Reason string
	// Message says what to do.
	Message string
}

// Broken lists releases that must not run, with the reason in a few words. It grows with the operator.
func Broken() map[string]string { return map[string]string{} }

// Matrix knows which versions an operator runs.
type Matrix struct {
	// Operator is its own version. One that is no semantic version, as in a build by hand, runs all.
	Operator string
	// Broken releases, with the reason in a few words.
	Broken map[string]string
}

// Check answers nil if target may be installed where the running versions are; there is none at the first
// install, and more than one half way through a change. The operator runs its own minor version and the
// one before. A change goes to any patch of the same minor, or one minor up or down, from each of them:
// they talk to each other meanwhile.
func (m Matrix) Check(target string, running ...string) *Problem {
	to, err := version.ParseSemantic(target)
	if err != nil {
		return problemf(chatv1alpha1.ReasonVersionNotSupported, "write spec.version as a semantic version without v, like 1.2.3")
	}
	if why, broken := m.Broken[target]; broken {
		return problemf(chatv1alpha1.ReasonVersionNotSupported, "choose another version: %s is broken: %s", target, why)
	}
	if problem := m.checkOperator(to); problem != nil {
		return problem
	}
	for _, current := range running {
		from, err := parse(current)
		if err != nil {
			continue
		}
		if problem := checkPath(from, to); problem != nil {
			return problem
		}
	}
	return nil
}

func (m Matrix) checkOperator(to *version.Version) *Problem {
	own, err := parse(m.Operator)
	if err != nil {
		return nil
	}
	behind := distance(to, own)
	if to.Major() == own.Major() && (behind == 0 || behind == 1) {
		return nil
	}
	runs := minorText(own.Major(), own.Minor())
	if own.Minor() > 0 {
		runs = minorText(own.Major(), own.Minor()-1) + " and " + runs
	}
	return problemf(chatv1alpha1.ReasonVersionNotSupported,
		"this operator %s runs %s: choose one of them, or another operator for %s", m.Operator, runs, to)
}

func checkPath(from, to *version.Version) *Problem {
	if from.Major() != to.Major() {
		return problemf(chatv1alpha1.ReasonUpgradePathNotSupported,
			"stay within %d: there is no way from %s to %s", from.Major(), from, to)
	}
	next := from.Minor()
	switch steps := distance(from, to); {
	case steps > 1:
		next++
	case steps < -1:
		next--
	default:
		return nil
	}
	return problemf(chatv1alpha1.ReasonUpgradePathNotSupported,
		"go from %s to a %s first, then towards %s", from, minorText(from.Major(), next), to)
}

// distance in minor versions, up being positive.
func distance(from, to *version.Version) int {
	return int(to.Minor()) - int(from.Minor())
}

func minorText(major, minor uint) string { return fmt.Sprintf("%d.%d.x", major, minor) }

// isOlder is false if one of the two is not known.
func isOlder(left, right string) bool { return compare(left, right) < 0 }

// Lowest of some versions; "" if there is none. What is no version is left out.
func Lowest(versions ...string) string {
	known := slices.DeleteFunc(slices.Clone(versions), func(text string) bool {
		_, err := parse(text)
		return err != nil
	})
	if len(known) == 0 {
		return ""
	}
	return slices.MinFunc(known, compare)
}

func compare(left, right string) int {
	l, err := parse(left)
	if err != nil {
		return 0
	}
	r, err := parse(right)
	if err != nil {
		return 0
	}
	switch {
	case l.LessThan(r):
		return -1
	case r.LessThan(l):
		return 1
	default:
		return 0
	}
}

// parse also reads a version from a label, which writes + as _.
func parse(text string) (*version.Version, error) {
	return version.ParseSemantic(strings.ReplaceAll(text, "_", "+"))
}

func problemf(reason, format string, args ...any) *Problem {
	return &Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
