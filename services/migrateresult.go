// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

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

// flagResult names the file of a result.
const flagResult = "result"

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
func conclude(place resultPlace, result component.MigrationResult, err error) error {
	if err != nil {
		result.Reason = reasonFailed
		if f, ok := errors.AsType[failure](err); ok {
			result.Reason = f.reason
		}
	}
	return errors.Join(err, place.leave(result))
}

// resultPlace is the file for the result of a Job. One that nobody asked for is written only where it is there.
type resultPlace struct {
	file  string
	asked bool
}

// addTo offers the file as a flag; asked must be set after the flags were read.
func (p *resultPlace) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&p.file, flagResult, "/dev/termination-log", "file for the result as JSON; the default is written only where it is there")
}

func (p resultPlace) leave(result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_TRUNC
	if p.asked {
		flags |= os.O_CREATE
	}
	file, openErr := os.OpenFile(p.file, flags, 0o600)
	if openErr != nil && !p.asked {
		return nil // nobody reads it there, or nobody may write it; what was done is what counts
	}
	if openErr != nil {
		return fmt.Errorf("the result cannot be written: choose another file with --result: %w", openErr)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
