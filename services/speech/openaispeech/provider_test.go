// SPDX-License-Identifier: Apache-2.0

package openaispeech_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/provider/providertest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/openaispeech"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

func open(url, key string) speech.Provider {
	return openaispeech.New(openaispeech.Options{BaseURL: url, Model: "whisper-1", APIKey: secret.New(key), Client: providertest.Client()})
}

func say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func TestProvider(t *testing.T) {
	t.Parallel()
	speechtest.TestProvider(t, func(_ *testing.T, url string) speech.Provider { return open(url, speechtest.CanaryKey) }, say(`{"text":"hi"}`))
}

// check reads a request as the server that others imitate documents it.
func check(r *http.Request) (fields map[string]string, name, content string, err error) {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/audio/transcriptions" || r.URL.RawQuery != "" {
		return nil, "", "", fmt.Errorf("%s %s", r.Method, r.URL)
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return nil, "", "", err
	}
	fields = map[string]string{}
	for key, values := range r.MultipartForm.Value {
		fields[key] = strings.Join(values, "|")
	}
	files := r.MultipartForm.File["file"]
	if len(files) != 1 || len(r.MultipartForm.File) != 1 {
		return fields, "", "", fmt.Errorf("%d files", len(files))
	}
	file, err := files[0].Open()
	if err != nil {
		return fields, "", "", err
	}
	bytes, err := io.ReadAll(file)
	return fields, files[0].Filename, string(bytes), err
}

func TestTheServerFindsWhatItWants(t *testing.T) {
	t.Parallel()
	sound := speechtest.Sound(100 * time.Millisecond)
	common := map[string]string{"model": "whisper-1", "response_format": "verbose_json", "temperature": "0"}
	for name, row := range map[string]struct {
		base, key string
		piece     speech.Piece
		language  string
		file      string
		content   string
	}{
		"sound":            {"", "", speech.Piece{Sound: sound}, "", "speech.wav", string(sound.WAV())},
		"a key, a tag":     {"/", "key", speech.Piece{Sound: sound, Language: "zh-Hans"}, "zh", "speech.wav", string(sound.WAV())},
		"as it came":       {"/v1", "", speech.Piece{Recording: speech.Recording{Format: speech.WebM, Bytes: []byte("webm")}}, "", "speech.webm", "webm"},
		"as it came, m4a":  {"/v1/", "", speech.Piece{Recording: speech.Recording{Format: speech.MP4, Bytes: []byte("m4a")}}, "", "speech.m4a", "m4a"},
		"a three-part tag": {"", "", speech.Piece{Sound: sound, Language: "yue"}, "", "speech.wav", string(sound.WAV())},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fields, file, content, err := check(r)
			want := maps.Clone(common)
			if row.language != "" {
				want["language"] = row.language
			}
			if diff := cmp.Diff(want, fields); diff != "" || file != row.file || content != row.content || err != nil {
				t.Errorf("%s: %s %q %q %v", name, diff, file, content, err)
			}
			authorization := ""
			if row.key != "" {
				authorization = "Bearer " + row.key
			}
			if got := r.Header.Get("Authorization"); got != authorization {
				t.Errorf("%s: %q", name, got)
			}
			say(`{"text":"hi"}`)(w, r)
		}))
		if got, err := open(server.URL+row.base, row.key).Recognize(t.Context(), row.piece); err != nil || got.Text != "hi" {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		server.Close()
	}
}

func TestWhatServersSay(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]speech.Transcript{
		`{"text":""}`: {Language: "en"},
		`{"text":"Hallo","language":"German","segments":[]}`: {Text: "Hallo", Language: "de"},
		`{"text":"你好","language":"zh"}`:                      {Text: "你好", Language: "zh"},
		`{"text":"a","language":"martian (old)"}`:            {Text: "a", Language: "en"},
		`{"text":"a b","language":"en","segments":[{"start":0,"end":1,"avg_logprob":0},{"start":1,"end":4,"avg_logprob":-0.6931471805599453}]}`: {Text: "a b", Language: "en", Confidence: 0.625},
		`{"text":"a","language":"en","segments":[{"start":0,"end":1,"confidence":0.5}]}`:                                                        {Text: "a", Language: "en", Confidence: 0.5},
	} {
		server := httptest.NewServer(say(body))
		got, err := open(server.URL, "").Recognize(t.Context(), speech.Piece{Sound: speechtest.Sound(time.Second), Language: "en"})
		server.Close()
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		body   string
		want   error
	}{
		{400, "", speech.ErrAudioUnfit},
		{413, "", speech.ErrAudioUnfit},
		{415, "", speech.ErrAudioUnfit},
		{422, "", speech.ErrAudioUnfit},
		{401, "", speech.ErrAccount},
		{403, "", speech.ErrAccount},
		{404, "", speech.ErrAccount},
		{402, "", speech.ErrAccount},
		{429, `{"error":{"code":"rate_limit_exceeded"}}`, speech.ErrAway},
		{503, "", speech.ErrAway},
		{429, `{"error":{"code":"insufficient_quota"}}`, speech.ErrQuotaExceeded},
		{500, "", speech.ErrUnavailable},
		{302, "", speech.ErrUnavailable},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(row.status)
			_, _ = w.Write([]byte(row.body))
		}))
		_, err := open(server.URL, "").Recognize(t.Context(), speech.Piece{Sound: speechtest.Sound(time.Second)})
		server.Close()
		if !errors.Is(err, row.want) {
			t.Errorf("%d %s: %v", row.status, row.body, err)
		}
		if known, _ := fault.Of(err); errors.Is(err, speech.ErrQuotaExceeded) && known.RetryAfter() != 2*time.Minute {
			t.Errorf("retry after %v", known.RetryAfter())
		}
	}
}
