// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestADoctorOfSpeech(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"one that reads":     {http.StatusOK, `{"text":""}`, "OpenAI answers"},
		"one that refuses":   {http.StatusUnauthorized, `{}`, "correct the keys"},
		"one that is broken": {http.StatusInternalServerError, `{}`, "check that the provider is there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(row.status)
				_, _ = w.Write([]byte(row.body))
			}))
			t.Cleanup(provider.Close)
			out, err := parley(t, map[string]string{
				"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": provider.URL, "PARLEY_SPEECH_API_KEY": "hunter2",
			}, "doctor")
			if err == nil || !strings.Contains(out, row.want) || strings.Contains(out, "hunter2") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	out, err := parley(t, map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI"}, "doctor")
	if err == nil || !strings.Contains(out, "PARLEY_SPEECH_URL must be set") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, row := range []struct {
		environ map[string]string
		says    []string
	}{
		{map[string]string{"PARLEY_SPEECH_PROVIDER": "PocketSphinx", "PARLEY_SPEECH_POCKETSPHINX": "/nowhere", "PARLEY_SPEECH_FFMPEG": "/nowhere"}, []string{"pocketsphinx-en-us", "ffmpeg", "parley-speech"}},
		{map[string]string{"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_API_KEY": "k", "PARLEY_SPEECH_FFMPEG": "/nowhere"}, []string{"nothing that a browser records", "PARLEY_SPEECH_FFMPEG"}},
	} {
		out, err := parley(t, row.environ, "doctor")
		for _, want := range append(row.says, "lacks a program") {
			if err == nil || !strings.Contains(out, want) {
				t.Errorf("%v: no word of %s in\n%s", err, want, out)
			}
		}
	}
	if out, _ := parley(t, map[string]string{}, "doctor"); strings.Contains(out, "speech") {
		t.Errorf("nobody asked for speech:\n%s", out)
	}
}
