// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/parley-chat/parley/api/component"
)

// Reasons of a failure, as component.MigrationResult names them.
const (
	reasonDirty         = "Dirty"
	reasonLockHeld      = "LockHeld"
	reasonOwned         = "OwnedByAnother"
	reasonConfiguration = "Configuration"
	reasonFailed        = "Failed"
	reasonAuth          = string(component.ClassAuthFailed)
	reasonTLS           = string(component.ClassTLSFailed)
)

// failure of a migration, with its reason in one word.
type failure struct {
	reason string
	error
}

// Unwrap gives what happened.
func (f failure) Unwrap() error { return f.error }

// ExitCode is what the process ends with.
func (f failure) ExitCode() int {
	switch f.reason {
	case reasonDirty:
		return component.ExitDirty
	case reasonConfiguration, reasonAuth, reasonTLS:
		return component.ExitConfiguration
	case reasonOwned:
		return component.ExitOwned
	default:
		return 1
	}
}

// reasonOf a class that is not Reachable; a change that the server refused has just failed.
func reasonOf(class component.Class) string {
	if class == component.ClassReachable {
		return reasonFailed
	}
	return string(class)
}

// exitCode of the process for an error.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}

// conclude leaves the result of a migration where the one who started it reads it, and answers err.
func conclude(m migration, result component.MigrationResult, err error) error {
	if err != nil {
		result.Reason = reasonFailed
		if f, ok := errors.AsType[failure](err); ok {
			result.Reason = f.reason
		}
	}
	text, jsonErr := json.Marshal(result)
	if jsonErr != nil {
		return errors.Join(err, jsonErr)
	}
	flags := os.O_WRONLY | os.O_TRUNC
	if m.resultAsked {
		flags |= os.O_CREATE
	}
	file, openErr := os.OpenFile(m.result, flags, 0o600)
	if openErr != nil && !m.resultAsked {
		return err // nobody reads it there, or nobody may write it; the change is what counts
	}
	if openErr != nil {
		return errors.Join(err, fmt.Errorf("the result cannot be written: choose another file with --result: %w", openErr))
	}
	_, writeErr := file.Write(text)
	return errors.Join(err, writeErr, file.Close())
}
