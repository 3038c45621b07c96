// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNameConflict is what every *NameConflictError is.
var ErrNameConflict = errors.New("the name belongs to another object")

// NameConflictError says that an object of this name has another controller, or none.
type NameConflictError struct {
	Kind string
	Name string
}

// Error names kind and name.
func (e *NameConflictError) Error() string {
	return fmt.Sprintf("%s %s exists and belongs to somebody else", e.Kind, e.Name)
}

// Is makes errors.Is(err, ErrNameConflict) true.
func (e *NameConflictError) Is(target error) bool { return target == ErrNameConflict }

// Class says who can help when a write failed.
type Class string

// The classes.
const (
	// ClassForbidden: the operator lacks a right.
	ClassForbidden Class = "forbidden"
	// ClassQuotaExceeded: the namespace has no room left.
	ClassQuotaExceeded Class = "quota_exceeded"
	// ClassNameConflict: see NameConflictError.
	ClassNameConflict Class = "name_conflict"
	// ClassConflict: the object changed since it was read; the next pass sees it anew.
	ClassConflict Class = "conflict"
	// ClassOther may pass by itself.
	ClassOther Class = "other"
)

// Classify an error of this package. Nil is ClassOther.
func Classify(err error) Class {
	switch {
	case errors.Is(err, ErrNameConflict):
		return ClassNameConflict
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		// It is told as forbidden, but no right would help.
		return ClassOther
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		// The server has no own reason or cause for a quota, only this text.
		return ClassQuotaExceeded
	case apierrors.IsForbidden(err):
		return ClassForbidden
	case apierrors.IsConflict(err), isReplaced(err):
		return ClassConflict
	default:
		return ClassOther
	}
}

// isReplaced: an apply that carries the UID of an object that is gone, where another of its name is,
// counts for the server as an attempt to change the UID.
func isReplaced(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(cause metav1.StatusCause) bool {
		return cause.Field == "metadata.uid"
	})
}
