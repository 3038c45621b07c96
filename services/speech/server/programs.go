// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/audio"
)

// NotInstalledError says that a program is not there, and what people miss.
type NotInstalledError struct {
	// Packages of Debian that hold it, and Setting that names it where it lies elsewhere.
	Packages, Setting string
	// Without it this is so.
	Without string
}

// Error says what to do.
func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("%s: install the packages %s, run the image parley-speech, which holds them, or name the program with %s",
		e.Without, e.Packages, e.Setting)
}

// IsNotInstalled tells that a program is not there.
func IsNotInstalled(err error) bool {
	_, ok := errors.AsType[*NotInstalledError](err)
	return ok
}

// Installed tells what is missing of the programs that the provider needs; nil if nothing is. A provider that cannot
// be made for another reason lacks nothing.
func (c Config) Installed() error {
	provider, err := c.provider()
	if err != nil && !IsNotInstalled(err) || err == nil && provider == nil {
		return nil
	}
	if err == nil && slices.Contains(provider.Abilities().Formats, speech.WebM) {
		return nil // it reads what browsers record by itself
	}
	if audio.FindFFmpeg(c.FFmpeg) == "" {
		err = errors.Join(err, &NotInstalledError{
			Packages: "ffmpeg", Setting: component.EnvSpeechFFmpeg, Without: "nothing but WAV is read, so nothing that a browser records",
		})
	}
	return err
}
