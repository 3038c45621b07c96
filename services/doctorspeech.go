// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/speech/server"
)

// checkSpeech has the provider read a second of silence; nothing where none is named.
func checkSpeech(ctx context.Context, environ map[string]string) []finding {
	if environ[component.EnvSpeechProvider] == "" {
		return nil
	}
	const check = "speech provider"
	environ, err := process.Complete(environ, component.Speech)
	if err != nil {
		return []finding{bad(check, "not readable", err.Error())}
	}
	cfg, err := server.Load(environ)
	if err != nil {
		return []finding{bad(check, "no settings", err.Error())}
	}
	if err := cfg.Installed(); err != nil {
		return []finding{bad(check, "lacks a program", strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	switch err := cfg.Check(ctx); {
	case err == nil:
		return []finding{good(check, cfg.Provider+" answers")}
	case server.IsRefused(err):
		return []finding{bad(check, "refuses us", "correct the keys of the account, and see its rights")}
	case server.IsUsedUp(err):
		return []finding{bad(check, "reads no more now", "raise the quota of the account, or wait")}
	default:
		return []finding{bad(check, "no", "check that the provider is there, and PARLEY_SPEECH_URL, ca.crt and what this machine may reach")}
	}
}
