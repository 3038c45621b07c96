// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/speech/server"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environ map[string]string
		wrong   []string
	}{
		"nothing said":                     {nil, nil},
		"Baidu":                            {map[string]string{"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_API_KEY": "hush", "PARLEY_SPEECH_SECRET_KEY": "hush"}, nil},
		"an API key alone for Baidu":       {map[string]string{"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_API_KEY": "hush"}, nil},
		"Baidu without keys, in clear":     {map[string]string{"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_URL": "http://x"}, []string{"API_KEY", "https://"}},
		"OpenAI":                           {map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "http://whisper.asr.svc:8000", "PARLEY_SPEECH_LANGUAGE": "zh-Hans"}, nil},
		"OpenAI without address":           {map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI"}, []string{"PARLEY_SPEECH_URL"}},
		"OpenAI with a key in the address": {map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "http://a:hush@b"}, []string{"PARLEY_SPEECH_URL"}},
		"nobody knows it":                  {map[string]string{"PARLEY_SPEECH_PROVIDER": "openai"}, []string{"must be Baidu"}},
		"too long":                         {map[string]string{"PARLEY_SPEECH_MAX_DURATION": "6m"}, []string{"5s to 5m"}},
		"all at once": {
			map[string]string{"PARLEY_SPEECH_CONCURRENCY": "0", "PARLEY_SPEECH_DAILY_MINUTES": "-1", "PARLEY_SPEECH_LANGUAGE": "English!", "PARLEY_UPSTREAM_FILE_URL": "file", "PARLEY_LOG_LEVEL": "loud"},
			[]string{"CONCURRENCY", "DAILY_MINUTES", "LANGUAGE", "UPSTREAM_FILE_URL", "LOG_LEVEL"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{}
			maps.Copy(environ, row.environ)
			_, err := server.Load(environ)
			if (err != nil) != (row.wrong != nil) {
				t.Fatalf("%v, want problems: %v", err, row.wrong)
			}
			for _, part := range row.wrong {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not name %s", err, part)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

// The operator hands keys over as files.
func TestKeysComeFromTheBinding(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "speech"), 0o700); err != nil {
		t.Fatal(err)
	}
	for entry, text := range map[string]string{"type": "speech", "api-key": "key\n", "secret-key": "secret\n"} {
		if err := os.WriteFile(filepath.Join(root, "speech", entry), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := server.Load(map[string]string{"SERVICE_BINDING_ROOT": root, "PARLEY_SPEECH_PROVIDER": "Baidu"})
	if err != nil || cfg.APIKey.Reveal() != "key" || cfg.SecretKey.Reveal() != "secret" {
		t.Errorf("%v", err)
	}
}
