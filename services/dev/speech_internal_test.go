// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	speechserver "github.com/parley-chat/parley/services/speech/server"
)

func TestWhoReadsRecordings(t *testing.T) {
	t.Parallel()
	installed := map[string]string{}
	if speechserver.InstalledPocketSphinx() {
		installed["PARLEY_SPEECH_PROVIDER"] = "PocketSphinx"
	}
	openAI := &chatv1alpha1.Speech{Provider: "OpenAI", MaxDuration: "1m", OpenAI: &chatv1alpha1.OpenAISpeech{BaseURL: "http://whisper:8000", Model: "small"}}
	for name, row := range map[string]struct {
		speech  *chatv1alpha1.Speech
		environ map[string]string
		want    map[string]string
	}{
		"nothing said":         {nil, map[string]string{"PARLEY_LOG_LEVEL": "debug"}, installed},
		"the environment":      {nil, map[string]string{"PARLEY_SPEECH_PROVIDER": ""}, map[string]string{"PARLEY_SPEECH_PROVIDER": ""}},
		"the manifest":         {openAI, nil, map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_MAX_DURATION": "1m", "PARLEY_SPEECH_URL": "http://whisper:8000", "PARLEY_SPEECH_MODEL": "small", "PARLEY_SPEECH_LANGUAGE": ""}},
		"a key for a manifest": {&chatv1alpha1.Speech{Provider: "Baidu", MaxDuration: "5m"}, map[string]string{"PARLEY_SPEECH_API_KEY": "k"}, map[string]string{"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_MAX_DURATION": "5m", "PARLEY_SPEECH_API_KEY": "k"}},
	} {
		cluster := &chatv1alpha1.ChatCluster{}
		cluster.Spec.Dependencies.Speech = row.speech
		if diff := cmp.Diff(row.want, speechSettings(cluster, row.environ)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
