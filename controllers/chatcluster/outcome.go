// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"fmt"
	"time"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/apply"
)

// stalledError ends a pass until a person changes something.
type stalledError struct{ reason, message string }

func (e *stalledError) Error() string { return e.reason + ": " + e.message }

func stalled(reason, message string) error { return &stalledError{reason, message} }

// waitingError ends a pass that goes on by itself later; it is no failure.
type waitingError struct {
	reason, message string
	after           time.Duration
}

func (e *waitingError) Error() string { return e.reason + ": " + e.message }

func waiting(reason, message string, after time.Duration) error {
	return &waitingError{reason, message, after}
}

// writeOutcome makes an outcome of what a write answered: some failures only a person can help.
func writeOutcome(err error) error {
	if err == nil {
		return nil
	}
	switch apply.Classify(err) {
	case apply.ClassForbidden:
		return stalled(chatv1alpha1.ReasonForbidden, "give the operator the right that is missing: "+err.Error())
	case apply.ClassQuotaExceeded:
		return stalled(chatv1alpha1.ReasonQuotaExceeded, "raise the quota of the namespace: "+err.Error())
	case apply.ClassNameConflict:
		conflict, ok := errors.AsType[*apply.NameConflictError](err)
		if !ok {
			return err
		}
		return stalled(chatv1alpha1.ReasonNameConflict,
			fmt.Sprintf("%s %s belongs to somebody else: remove or rename it, or choose another name for the ChatCluster", conflict.Kind, conflict.Name))
	default:
		return err
	}
}
