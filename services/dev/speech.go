// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	speechserver "github.com/parley-chat/parley/services/speech/server"
)

// speechPrefix of the variables that may say more than the manifest: keys, first of all.
const speechPrefix = "PARLEY_SPEECH_"

// speechSettings are those of the manifest, what the environment says over them, and without either
// PocketSphinx, where that is installed.
func speechSettings(cluster *chatv1alpha1.ChatCluster, environ map[string]string) map[string]string {
	settings := map[string]string{}
	if s := cluster.Spec.Dependencies.Speech; s != nil {
		settings[component.EnvSpeechProvider] = s.Provider
		settings[component.EnvSpeechMaxDuration] = string(s.MaxDuration)
		if s.OpenAI != nil {
			settings[component.EnvSpeechURL] = s.OpenAI.BaseURL
			settings[component.EnvSpeechModel] = s.OpenAI.Model
			settings[component.EnvSpeechLanguage] = s.OpenAI.Language
		}
	}
	for key, value := range environ {
		if strings.HasPrefix(key, speechPrefix) {
			settings[key] = value
		}
	}
	if _, chosen := settings[component.EnvSpeechProvider]; !chosen && speechserver.InstalledPocketSphinx() {
		settings[component.EnvSpeechProvider] = speechserver.ProviderPocketSphinx
	}
	return settings
}

// hasSpeech tells whether somebody reads recordings.
func (p plan) hasSpeech() bool { return p.speech[component.EnvSpeechProvider] != "" }

func (s *system) speech(group *lifecycle.Group) error {
	cfg, err := speechserver.Load(s.environment(component.Speech, s.plan.speech))
	if err != nil {
		return fmt.Errorf("speech: %w", err)
	}
	cfg.RPCListen, cfg.OpsListen = "", ""
	s.add(group, "speech", func(ctx context.Context) error {
		return speechserver.Run(ctx, cfg, speechserver.Parts{
			RPC: s.network.listen("speech"), Broker: s.bus, Transport: s.transport,
			Keys: s.keyring.keys[component.Speech], Logger: s.logger("speech"), Started: s.up,
		})
	})
	return nil
}
